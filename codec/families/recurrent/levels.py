"""What a quality means: how many iterations, and when a block stops.

A quality is a level, a number of iterations with a fraction. All but the last iteration are sent by every block whose
error is above the level's target; the last one by those with the largest errors, more of them the larger the
fraction: so qualities between two iterations cost what lies between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from codec.contract import QUALITIES
from codec.families.recurrent.config import ModelConfig

_LOWEST_SHARE: Final = 0.3
"""Of the iterations: the level of quality 0."""
TARGET: Final = 0.005
"""Mean squared error of a block in squared steps of the level, below which it stops."""
_REACH: Final = 1024.0
"""Times the target that an error must exceed where almost nothing of the last iteration is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What is sent."""

    iterations: int
    stops_below: tuple[float, ...]
    """Mean squared error of RGB in [0, 1] by iteration: a block whose error is smaller before it sends nothing in it
    and in all later ones."""


def level_of(quality: float, config: ModelConfig, *, target: float = TARGET) -> Level:
    """The level of a quality, or of a number between two.

    Args:
        quality: in [0, 63].
        config: of the model.
        target: see `TARGET`; at 0 no block stops, and the last iteration is sent whole.
    """
    lowest = max(1.0, _LOWEST_SHARE * config.iterations)
    level = lowest + (config.iterations - lowest) * quality / (QUALITIES.stop - 1)
    iterations = math.ceil(level)
    below = target * config.step(level - 1.0) ** 2
    last = below * _REACH ** (iterations - level)
    return Level(iterations=iterations, stops_below=(below,) * (iterations - 1) + (last,))
