"""Quality as a quantiser step: geometric around the step that a preset was trained for."""

from __future__ import annotations

import math
from typing import Final

from codec.parts.quality import MSE_SCALE

OWN_QUALITY: Final = 32
"""The quality at which a preset quantises as it was trained: its step is 1 there."""
LEVELS_PER_OCTAVE: Final = 12.0
"""Quality levels from one step to half of it."""


def step_of(quality: float) -> float:
    """The quantiser step of a quality: 6.3 at 0, 1 at `OWN_QUALITY`, 0.17 at 63."""
    return float(2.0 ** ((OWN_QUALITY - quality) / LEVELS_PER_OCTAVE))


def best_step(lmbda: float) -> float:
    """The quantiser step of an orthonormal transform at which a bit buys what it is worth, at high rates.

    Args:
        lmbda: what squared error is worth (`GridLossConfig.lmbda`).
    """
    squared_error_of_a_bit = math.log(2.0) / 6.0  # in squared steps
    planes = 3
    return math.sqrt(planes / (squared_error_of_a_bit * lmbda * MSE_SCALE))
