"""How a cost grows: the exponent of a curve through measured points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

_EXPONENTS: Final = np.arange(0.05, 2.5, 0.01)
_FLAT: Final = 1.25
"""What grows by less than this factor is not told from what stays: machines are noisy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The curve `fixed + share * n ** exponent`."""

    fixed: float
    share: float
    exponent: float
    """0 where nothing grows."""

    def at(self, size: float) -> float:
        """The cost at a size, which may lie beyond those that were measured."""
        return float(self.fixed + self.share * size**self.exponent)

    @property
    def words(self) -> str:
        """For a table."""
        return f"n^{self.exponent:.2f}" if self.exponent else "flat"


def fit(sizes: Sequence[float], costs: Sequence[float]) -> Growth | None:
    """The curve that comes nearest to the points, in relative terms; None of fewer than two.

    With two points nothing fixed can be told from what grows: the exponent is that of their ratio.
    """
    if len(sizes) < 2:
        return None
    if costs[-1] <= _FLAT * costs[0]:
        return Growth(fixed=sum(costs) / len(costs), share=0.0, exponent=0.0)
    if len(sizes) == 2 or min(costs) <= 0:
        return _through_ends(sizes, costs)
    return min((_nearest(sizes, costs, exponent) for exponent in _EXPONENTS), key=lambda found: found[0])[1]


def _through_ends(sizes: Sequence[float], costs: Sequence[float]) -> Growth:
    if costs[0] <= 0:
        return Growth(fixed=0.0, share=costs[-1] / sizes[-1], exponent=1.0)
    exponent = math.log(costs[-1] / costs[0]) / math.log(sizes[-1] / sizes[0])
    return Growth(fixed=0.0, share=costs[-1] / sizes[-1] ** exponent, exponent=exponent)


def _nearest(sizes: Sequence[float], costs: Sequence[float], exponent: float) -> tuple[float, Growth]:
    """The best curve of one exponent, neither part below zero, and how far it is from the points."""
    wanted = np.asarray(costs, float)
    parts = np.stack([np.ones(len(sizes)), np.asarray(sizes, float) ** exponent], axis=1) / wanted[:, None]
    choices = [np.linalg.lstsq(parts, np.ones(len(sizes)), rcond=None)[0]]
    choices += [np.array([0.0, 1.0]) * (parts[:, 1].sum() / (parts[:, 1] ** 2).sum())]
    fixed, share = next(choice for choice in choices if (choice >= 0).all())
    away = float(((parts @ np.array([fixed, share]) - 1) ** 2).sum())
    return away, Growth(fixed=float(fixed), share=float(share), exponent=round(float(exponent), 2))
