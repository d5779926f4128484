"""From a quality to JPEG's quantisation tables: those of the standard's Annex K, scaled as libjpeg scales them.

libjpeg knows a hundred qualities. Here their formula is followed between them, so that every sixteenth of a level has
tables of its own. A file carries its tables: whoever opens it needs none of this.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from codec.contract import QUALITIES

LOWEST: Final = 5.0
HIGHEST: Final = 95.0
"""What libjpeg calls the qualities 0 and 63."""

_LUMA: Final = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA: Final = (
    *(17, 18, 24, 47, 99, 99, 99, 99),
    *(18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99),
    *(99, 99, 99, 99, 99, 99, 99, 99) * 4,
)
_LARGEST: Final = 255
"""A baseline file holds 8 bits of each."""


def libjpeg_quality(quality: float) -> float:
    """What libjpeg calls a quality: 5 to 95, in proportion."""
    return LOWEST + (HIGHEST - LOWEST) * quality / (QUALITIES.stop - 1)


def scale_of(quality: float) -> float:
    """What Annex K's tables are multiplied by: 10 at the lowest quality, 0.1 at the highest."""
    known_as = libjpeg_quality(quality)
    return 50.0 / known_as if known_as < 50.0 else 2.0 - known_as / 50.0


def quantisation_tables(quality: float) -> npt.NDArray[np.int64]:
    """(2, 8, 8): quantiser steps of luma and of both chromas, rows of ever higher vertical frequency."""
    steps = np.floor(np.array([_LUMA, _CHROMA]) * scale_of(quality) + 0.5).astype(np.int64)
    return steps.clip(1, _LARGEST).reshape(2, 8, 8)
