"""The codecs a user might pick instead, each through Pillow: files as a user would write them.

Every encoder is told to use one thread where it can be told; its bytes do not depend on it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from PIL import Image

from codec.bench.libraries import library
from codec.bench.measure import Sample, compare
from codec.contract import RGB


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baseline:
    """One codec with everything but its quality chosen."""

    id: str
    """As in `--against` and in JSON: `avif_s6_444`."""
    title: str
    format: str
    """Pillow's name of the format."""
    options: Mapping[str, Any]
    """What `Image.save` is given beside the quality."""
    qualities: tuple[int, ...]
    """From about 0.1 to 3 bpp on photographs, in the codec's own scale."""

    @property
    def settings(self) -> str:
        """The options, for a person."""
        return ", ".join(f"{name}={value}" for name, value in self.options.items())

    def encode(self, pixels: RGB, quality: int) -> bytes:
        """The whole file."""
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, self.format, quality=quality, **self.options)
        return file.getvalue()

    def decode(self, data: bytes) -> RGB:
        """The pixels of a file that `encode` wrote."""
        with Image.open(io.BytesIO(data), formats=[self.format]) as picture:
            return np.asarray(picture.convert("RGB"))

    def measure(self, image: RGB) -> list[Sample]:
        """One image at every quality.

        Raises:
            MissingLibraryError: the library is not here.
        """
        library(self.format)
        samples = []
        for quality in self.qualities:
            data = self.encode(image, quality)
            samples.append(compare(image, self.decode(data), num_bytes=len(data), quality=quality))
        return samples


_JPEG: Final = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
_WEBP: Final = (1, 5, 15, 30, 50, 70, 80, 90, 95)
_AVIF: Final = (5, 15, 25, 35, 50, 65, 75, 85, 92)
_AVIF_SLOW: Final = (15, 30, 45, 60, 75, 88)
_JXL: Final = (5, 10, 20, 30, 45, 60, 75, 84, 90, 95)
_HEIC: Final = (5, 15, 25, 35, 45, 55, 65, 75)

BASELINES: Final = (
    Baseline(
        id="jpeg_420",
        title="JPEG 4:2:0",
        format="JPEG",
        options={"subsampling": "4:2:0", "optimize": True},
        qualities=_JPEG,
    ),
    Baseline(
        id="jpeg_420_progressive",
        title="JPEG 4:2:0 progressive",
        format="JPEG",
        options={"subsampling": "4:2:0", "optimize": True, "progressive": True},
        qualities=_JPEG,
    ),
    Baseline(
        id="jpeg_444",
        title="JPEG 4:4:4",
        format="JPEG",
        options={"subsampling": "4:4:4", "optimize": True},
        qualities=_JPEG,
    ),
    Baseline(id="webp_m6", title="WebP m6", format="WEBP", options={"method": 6}, qualities=_WEBP),
    Baseline(
        id="avif_s6_420",
        title="AVIF s6 4:2:0",
        format="AVIF",
        options={"subsampling": "4:2:0", "speed": 6, "max_threads": 1},
        qualities=_AVIF,
    ),
    Baseline(
        id="avif_s6_444",
        title="AVIF s6 4:4:4",
        format="AVIF",
        options={"subsampling": "4:4:4", "speed": 6, "max_threads": 1},
        qualities=_AVIF,
    ),
    Baseline(
        id="avif_s2_420",
        title="AVIF s2 4:2:0",
        format="AVIF",
        options={"subsampling": "4:2:0", "speed": 2, "max_threads": 1},
        qualities=_AVIF_SLOW,
    ),
    Baseline(
        id="avif_s2_444",
        title="AVIF s2 4:4:4",
        format="AVIF",
        options={"subsampling": "4:4:4", "speed": 2, "max_threads": 1},
        qualities=_AVIF_SLOW,
    ),
    Baseline(
        id="avif_s2_444_psnr",
        title="AVIF s2 4:4:4, tune=psnr",
        format="AVIF",
        options={"subsampling": "4:4:4", "speed": 2, "max_threads": 1, "advanced": {"tune": "psnr"}},
        qualities=_AVIF_SLOW,
    ),
    Baseline(
        id="jxl_e7",
        title="JPEG XL e7",
        format="JXL",
        options={"effort": 7, "num_threads": 1},
        qualities=_JXL,
    ),
    Baseline(id="heic_420", title="HEIC 4:2:0", format="HEIF", options={"chroma": 420}, qualities=_HEIC),
    Baseline(id="heic_444", title="HEIC 4:4:4", format="HEIF", options={"chroma": 444}, qualities=_HEIC),
)
"""On kodim05 AVIF took 10 to 17 s per megapixel at speed 2, and 30 to 64 s at speed 0 for under 0.1 dB more.
`tune=psnr` is libaom's own setting for PSNR; its default leans towards what eyes see. Progressive JPEG is smaller
at high rates and larger at low ones, with the same pixels."""
