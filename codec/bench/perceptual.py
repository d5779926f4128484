"""Measures that claim to see as people do. Optional: each needs a library, or weights, that not everyone has."""

from __future__ import annotations

import io
from typing import Final

from PIL import Image

from codec.bench.libraries import library
from codec.contract import as_rgb
from codec.metrics import Pixels

SSIMULACRA2_MAX_PIXELS: Final = 4_000_000
"""The library holds some 500 bytes a pixel: 2 GB at this size."""
WHY_NO_LPIPS: Final = (
    "its weights (a VGG or AlexNet trained on ImageNet, and LPIPS' own) are no part of any package here, and a report "
    "fetches nothing"
)


class TooLargeError(ValueError):
    """An image on which the measure would take more memory than a worker has."""


def ssimulacra2(original: Pixels, decoded: Pixels) -> float:
    """SSIMULACRA2: 100 is identical, 90 nobody tells apart, 70 high, 50 medium, 30 low quality.

    Raises:
        MissingLibraryError: the library is not here.
        TooLargeError: more pixels than `SSIMULACRA2_MAX_PIXELS`.
    """
    library("SSIMULACRA2")
    height, width = original.shape[:2]
    if height * width > SSIMULACRA2_MAX_PIXELS:
        raise TooLargeError(
            f"over {SSIMULACRA2_MAX_PIXELS / 1e6:g} megapixels, where the library takes more than 2 GB of memory"
        )
    from ssimulacra2 import compute_ssimulacra2  # scipy: only where it is asked for

    return float(compute_ssimulacra2(_file(original), _file(decoded)))


def _file(pixels: Pixels) -> io.BytesIO:
    """The library opens files: an uncompressed one, in memory."""
    file = io.BytesIO()
    Image.fromarray(as_rgb(pixels)).save(file, "BMP")
    return file
