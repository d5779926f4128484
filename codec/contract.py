"""The contract of a codec family: pixels in, bytes out, and back. It has three parts.

    pixels --Encoder--> payload --Reader--> latents --Decoder--> pixels

A `Codec` (`codec/codec.py`) binds them. What is encoded is settled by encoder and reader; several decoders can show the
same latents. Who wants a small picture, or a part of one, opens a payload (`codec/opened.py`) instead of decoding it; a
head (`codec/head.py`) reads words and no picture.
Every payload is an envelope (`codec/bitstream.py`), or of one of the two kinds that are older: `codec/payload_head.py`
says of all of them, without their family, which family and which weights they need.

Shape legend: H, W image height and width in pixels; C latent channels; h, w latent grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from codec.image_words import check_words
from codec.importance_map import GreyMap

RGB = npt.NDArray[np.uint8]
"""One image: uint8, shape (H, W, 3), sRGB order R, G, B; H and W at least 1."""

DEFAULT_CODEC: Final = "hyper-1"
"""What a run that names no codec encodes with."""

QUALITIES: Final = range(64)
"""Every family offers the same 64 quality levels: 0 smallest, 63 best. Numbers between two levels are taken too:
they serve targets that lie between."""
EFFORTS: Final = range(4)
"""How long an encoder may look for latents that say more with their bits: 0, not at all, to 3, for minutes a megapixel
on one core. A decoder sees no difference."""
SIXTEENTHS: Final = 16
"""A payload knows its quality in sixteenths of a level."""
FAITHFUL: Final = "faithful"
"""The decoder that every family has: as near to the original as the payload allows."""


def as_rgb(pixels: npt.NDArray[np.uint8]) -> RGB:
    """(H, W, 1) grey or (H, W, 3) RGB, as RGB."""
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What is asked of an encoder beside a quality: each of these only some codecs know."""

    effort: int = 0
    """Of `EFFORTS`; above 0 only codecs that have a `refiner` take it."""
    maps: bool = False
    """Whether importance maps."""
    words: bool = False
    """Whether words."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodeOptions:
    """What is asked of an encoder for one image. A further field has a default that changes no payload."""

    quality: float
    """In [0, 63]."""
    effort: int = 0
    """Of `EFFORTS`; above 0 only codecs that have a `refiner` take it."""
    importance: GreyMap | None = None
    """Where bits matter (`codec/importance_map.py`); None for everywhere alike. Only codecs that take maps take one."""
    words: str | None = None
    """What the image shows (`codec/image_words.py`); None where nobody says. Only codecs that take words take them."""

    def __post_init__(self) -> None:
        """Refuse what is not a quality, an effort or words.

        Raises:
            ValueError: the quality is outside [0, 63], the effort is not in `EFFORTS`, or the words are empty, too long
                or no text.
        """
        if not QUALITIES.start <= self.quality <= QUALITIES.stop - 1:
            raise ValueError(f"expected a quality from 0 to {QUALITIES.stop - 1}, got {self.quality}")
        if self.effort not in EFFORTS:
            raise ValueError(f"expected an effort from 0 to {EFFORTS.stop - 1}, got {self.effort}")
        if self.words is not None:
            check_words(self.words)

    @property
    def demands(self) -> Demands:
        """What not every codec knows."""
        return Demands(effort=self.effort, maps=self.importance is not None, words=self.words is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One image's bitstream and the facts about it that a reader checks."""

    payload: bytes
    latent_shape: tuple[int, int, int]
    """(C, h, w) of the latents inside the payload."""
    symbols_crc32: int
    """zlib.crc32 of the symbols inside the payload (little-endian): equal on every machine that decodes."""


class Prepared(Protocol):
    """One image after the analysis transform: every quality can be had from here without running it again."""

    @property
    def width(self) -> int:
        """Of the image, in pixels."""
        ...

    @property
    def height(self) -> int:
        """Of the image, in pixels."""
        ...


class Latents(Protocol):
    """What a payload holds, entropy-decoded and checked: all that a decoder needs, and heads that want no picture."""

    @property
    def width(self) -> int:
        """Of the image, in pixels."""
        ...

    @property
    def height(self) -> int:
        """Of the image, in pixels."""
        ...

    @property
    def weights_digest(self) -> bytes:
        """First 8 bytes of the sha256 of the weights file that made the payload."""
        ...

    @property
    def symbols_crc32(self) -> int:
        """Of the symbols found; the payload says the same."""
        ...

    def y_hat(self) -> npt.NDArray[np.float32]:
        """The dequantised latents, (C, h, w)."""
        ...


class Encoder(Protocol):
    """Pixels -> payloads.

    Law: what an image becomes does not depend, byte for byte, on what else is in its batch.
    """

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        """Run the analysis transform on a batch.

        Raises:
            ValueError: an image is not uint8 (H, W, 3), or larger than a payload can hold.
        """
        ...

    def estimate_bytes(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[int]:
        """About how long each payload would be: within 1 % of what `finish` writes of the same."""
        ...

    def finish(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[Encoded]:
        """Quantise and entropy-code a batch, each image with its own options."""
        ...


class Refiner(Protocol):
    """Latents -> latents that say more with their bits: an encoder's search, which no decoder needs to know of.

    Law: what an image becomes does not depend on what else is in its batch.
    """

    def refine(
        self, images: Sequence[RGB], prepared: Sequence[Prepared], options: Sequence[EncodeOptions]
    ) -> list[Prepared]:
        """Images as `Encoder.finish` is to take them with the same options, and with no others.

        Args:
            images: those that were prepared.
            prepared: what `Encoder.prepare` gave; an image whose options ask for no effort stays as it is.
        """
        ...


class Reader(Protocol):
    """Payloads -> latents."""

    def read(self, payload: bytes) -> Latents:
        """Entropy-decode one payload.

        Raises:
            BitstreamError: it is damaged, truncated, or of another codec; or its symbols are not those encoded.
            UnknownWeightsError: it is sound, and made with weights that are not at hand.
        """
        ...

    def read_all(self, payloads: Sequence[bytes]) -> Iterator[Sequence[tuple[int, Latents]]]:
        """Entropy-decode a batch part by part, each as large as it should be for a decoder, and in memory at once.

        What a payload gives does not depend on what else is in the batch.

        Yields:
            Parts: the number of each payload, and its latents. Every payload is in one of them.
        Raises:
            BitstreamError, UnknownWeightsError: as `read`.
        """
        ...


@runtime_checkable
class PartialReader(Reader, Protocol):
    """A reader that can stop once it has the first channels of the latents."""

    def read_first(
        self, payloads: Sequence[bytes], channels: int
    ) -> Iterator[Sequence[tuple[int, npt.NDArray[np.float32]]]]:
        """The first channels of the latents of a batch, part by part; the checksums of their symbols are not compared.

        Yields:
            Parts: the number of each payload, and `Latents.y_hat()[:channels]`. Every payload is in one of them.
        Raises:
            BitstreamError, UnknownWeightsError: as `read`.
        """
        ...


@runtime_checkable
class PrefixReader(Reader, Protocol):
    """A reader that makes something of the beginning of a payload."""

    def read_prefix(self, prefix: bytes) -> tuple[Latents, float]:
        """What the first bytes of a payload say of its latents; what they do not say is as it is most likely.

        Returns:
            The latents, and the share of the payload's symbols that they were made from.
        Raises:
            BitstreamError: not even the header is whole, or it is of another codec.
            UnknownWeightsError: the payload was made with weights that are not at hand.
        """
        ...


class Decoder(Protocol):
    """Latents -> pixels. Decoders derive from it: what they do not say of themselves is as it is of a faithful one."""

    generates: bool = False
    """Whether its pictures show what no payload says: such a picture is called *generated* wherever it goes."""

    def shows(self, weights_digest: bytes) -> bool:
        """Whether it can show payloads made with these weights, of those that its codec reads."""
        del weights_digest
        return True

    def in_part(self, strength: float) -> Decoder | None:
        """The decoder of pictures between the faithful one, at 0, and its own, at 1; None where it has none.

        Args:
            strength: more than 0 and less than 1.
        """
        del strength
        return None

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        """The images, in the order of their latents.

        Args:
            latents: a part of what the reader of the same codec gave, of weights that it shows.
        """
        ...
