"""SSIMULACRA2: structure at six scales, in a space of colours as eyes have it, fitted to what people said."""

from __future__ import annotations

import io
from functools import partial
from typing import Final

from PIL import Image

from codec.bench.judges.judge import Judge, middle
from codec.bench.libraries import library, why_missing
from codec.contract import RGB


def ssimulacra2(original: RGB, decoded: RGB) -> float:
    """100 is identical, 90 nobody tells apart, 70 high, 50 medium, 30 low quality; of large pictures, their middle.

    Raises:
        MissingLibraryError: the library is not here.
    """
    library("SSIMULACRA2")
    from ssimulacra2 import compute_ssimulacra2  # scipy: only where it is asked for

    return float(compute_ssimulacra2(_file(middle(original)), _file(middle(decoded))))


def _file(pixels: RGB) -> io.BytesIO:
    """The library opens files: an uncompressed one, in memory."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "BMP")
    return file


SSIMULACRA2: Final = Judge(
    name="SSIMULACRA2",
    better="higher",
    source="Sneyers 2022 to 2023, SSIMULACRA 2.1 (github.com/cloudinary/ssimulacra2)",
    blind_to="It was fitted to damage that one must look for: it ranks strong damage badly, and may be negative.",
    missing=partial(why_missing, "SSIMULACRA2"),
    library="SSIMULACRA2",
    of_pair=ssimulacra2,
)
