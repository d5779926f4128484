"""One image on its way through the codec: a candidate with its latents, then its payload and what it decodes to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from codec.contract import RGB, Encoded, EncodeOptions, Encoder, Prepared
from codec.metrics import ms_ssim, psnr_db
from pipeline.encode.beside import NOTHING, Beside
from pipeline.image.read import from_rgb
from pipeline.types import Image, SourceImage, Unmodelled


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """An image that a codec has analysed; its quality is not settled."""

    fetched: Fetched
    image: Image
    encoder: Encoder
    prepared: Prepared
    """By `encoder`."""

    @property
    def key(self) -> str:
        """Its name in the archive."""
        return self.fetched.source.key

    def options(self, quality: float, *, effort: int = 0) -> EncodeOptions:
        """What its encoder is told."""
        return self.fetched.beside.options(quality, effort=effort)

    @property
    def num_pixels(self) -> int:
        """Width times height."""
        return self.image.width * self.image.height

    @property
    def room(self) -> int:
        """A payload must have fewer bytes than this, or the source file is kept."""
        return payload_room(self.fetched, self.image)


def estimated_bytes(batch: Sequence[Candidate], quality: float) -> list[int]:
    """About how long the payloads of candidates of one encoder would be, without effort."""
    if not batch:
        return []
    options = [one.options(quality) for one in batch]
    return batch[0].encoder.estimate_bytes([one.prepared for one in batch], options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """How near a decoded image is to its original."""

    psnr_db: float
    """Infinite when nothing was lost."""
    ms_ssim: float | None
    """None when the short side is under 161 pixels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Coded:
    """An image's payload, and the pixels it decodes to."""

    image: Image
    encoded: Encoded
    decoded: RGB
    quality: float

    @property
    def num_bytes(self) -> int:
        """Length of the payload."""
        return len(self.encoded.payload)

    @cached_property
    def measures(self) -> Measures:
        """Measured when first asked for: seconds on a large image."""
        pixels = from_rgb(self.decoded, grey=self.image.is_grey)
        return Measures(
            psnr_db=psnr_db(self.image.pixels, pixels), ms_ssim=ms_ssim(self.image.pixels, pixels)
        )


def payload_room(fetched: Fetched, image: Image) -> int:
    """Bytes of the source file, less what is stored of this image alone beside the payload; profiles are shared."""
    metadata = (image.alpha, image.exif, image.xmp, *(part.data for part in image.carried))
    return len(fetched.data or b"") - sum(len(part or b"") for part in metadata)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fetched:
    """One source image with what reading gave."""

    source: SourceImage
    data: bytes | None
    """The file, or None when it could not be read at all."""
    content: Image | Unmodelled | str
    """A text says why the file could not be read."""
    read_s: float
    decode_s: float
    ready_at: float = field(default_factory=time.perf_counter)
    """When it was there, by `time.perf_counter()`."""
    beside: Beside = NOTHING
    """Where bits matter in it, and what it shows, when a run asks for that."""
    exact: str | None = None
    """Why these pixels are stored without loss; None for what the codec is asked about, or that has no pixels."""

    @property
    def decoded_bytes(self) -> int:
        """What this holds in memory."""
        pixels = self.content.pixels.nbytes if isinstance(self.content, Image) else 0
        return pixels + len(self.data or b"")
