"""Which images are stored without loss, though the codec could take them; and how far deep samples may part."""

from __future__ import annotations

from typing import Final

from pipeline.config import Lossless
from pipeline.globs import key_matcher
from pipeline.packing.flat import why_flat
from pipeline.types import Image, SourceImage

ASKED: Final = "lossless was asked for"
_TINY_PIXELS: Final = 24 * 24
"""Up to here all pixels of a photo take under a kilobyte, about what its row takes; a codec's payload has a head of
its own."""
_LOSSY_FORMATS: Final = ("JPEG", "MPO", "JPEG2000", "AVIF", "HEIF")
_WEBP_LOSSLESS: Final = b"VP8L"


class ExactPolicy:
    """What a run was told about it."""

    def __init__(self, lossless: Lossless, max_error: float | None) -> None:
        """Take the values of the config."""
        self._lossless = lossless
        self._max_error = max_error
        patterns = lossless if isinstance(lossless, tuple) else ()
        self._matchers = [key_matcher(pattern) for pattern in patterns]

    def why_exact(self, source: SourceImage, data: bytes, image: Image) -> str | None:
        """Why an image is stored without loss, for a person; None when the codec is to take it."""
        prior = source.prior
        if prior.lossless is not None or prior.kept is not None:
            return prior.lossless  # an image that was lost comes back as what it was
        if self._is_asked(source.key):
            return ASKED
        if self._lossless == "never" or prior.quality is not None:
            return None
        if image.width * image.height <= _TINY_PIXELS:
            return f"tiny: {image.width}x{image.height} pixels"
        if _is_lossy(image, data):
            return None  # its file is smaller than its pixels
        return why_flat(image.pixels, has_palette=image.mode == "P")

    def bound(self, source: SourceImage) -> float | None:
        """How far samples of a file that the codec does not model may part from what they were; None: not at all."""
        return None if self._is_asked(source.key) or source.prior.kept is not None else self._max_error

    def _is_asked(self, key: str) -> bool:
        return self._lossless is True or any(matches(key) for matches in self._matchers)


def _is_lossy(image: Image, data: bytes) -> bool:
    if image.source_format == "WEBP":
        return _WEBP_LOSSLESS not in data[:4096]
    return image.source_format in _LOSSY_FORMATS
