"""The context of a bit: a number made of integers that a decoder has when it reads the bit.

Each iteration has contexts of its own; they are counts in the weights file (`codec/entropy/adaptive_bits.py`), and what
they mean is here and in docs/formats/recurrent-1.md.

Shape legend: n blocks of a pass that send, M coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]

UNIT: Final = 8
"""A step, in the units in which sizes are counted."""
_BAND_BEGINS: Final = (*range(10), 11, 14, 17, 21, 26, 31, 39, 47, 57, 70, 86, 105, 127, 156)
"""The first coefficient of every band: the coefficients of a band share contexts."""
_BANDS: Final = len(_BAND_BEGINS)
_AROUND: Final = (0, 1, 5, 12, 24, 44, 80, 160)
"""Where the levels of the sizes around begin."""
_BUSY: Final = (0, 1, 4, 9, 18, 36)
"""Where the levels of a block begin, by how many of its coefficients moved in the last iteration."""
_TURNS: Final = 2
"""The first pass, and the others."""
_OWN: Final = 4
"""Zero; not zero, and it did not move last; it went away from zero last; it came back last."""
_WAYS: Final = 3
"""Down, neither, up."""
_NEAR: Final = 5
"""Blocks at the four sides that are known to go on."""

_GO_ON: Final = _NEAR * len(_BUSY)
_WHETHER: Final = _BANDS * _TURNS * _OWN * len(_AROUND) * len(_BUSY)
_WHICH: Final = _BANDS * _WAYS**3
PER_ITERATION: Final = _GO_ON + _WHETHER + _WHICH
"""Contexts of one iteration: whether a block goes on, whether a coefficient moves, which way."""


def _levels(begins: tuple[int, ...]) -> Ints:
    """The level of every number up to where the last one begins."""
    return np.searchsorted(begins, np.arange(begins[-1] + 1), side="right").astype(np.int32) - 1


_AROUND_LEVELS: Final = _levels(_AROUND)
_BUSY_LEVELS: Final = _levels(_BUSY)


def bands(coefficients: int) -> Ints:
    """The band of each coefficient."""
    band_M: Ints = np.searchsorted(_BAND_BEGINS, np.arange(coefficients), side="right").astype(np.int32) - 1
    return band_M


def go_on_contexts(near_n: npt.NDArray[np.int16], busy_n: npt.NDArray[Any]) -> Ints:
    """Of the bit that says whether a block goes on."""
    return near_n * np.int32(len(_BUSY)) + _level(busy_n, _BUSY_LEVELS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoefficientContext:
    """What is known of the coefficients of a pass before they are coded."""

    band_M: Ints
    turn: int
    """0 to 3."""
    own_nM: npt.NDArray[np.int16]
    """Their sizes."""
    last_nM: npt.NDArray[np.int8]
    """How they moved in the last iteration."""
    around_nM: npt.NDArray[np.int16]
    """Sums of absolute sizes in the eight blocks around; those of earlier passes have moved already."""
    lean_nM: npt.NDArray[np.int16]
    """Sums of sizes in the four blocks at the sides."""
    busy_n: npt.NDArray[Any]
    """How many coefficients of their block moved in the last iteration."""

    def whether_it_moves(self) -> Ints:
        """(n, M)."""
        own_nM = np.where(self.last_nM == 0, 1, np.where((self.last_nM > 0) == (self.own_nM > 0), 2, 3))
        own_nM = np.where(self.own_nM == 0, 0, own_nM).astype(np.int32)
        context_nM = (self.band_M * _TURNS + min(self.turn, _TURNS - 1)) * _OWN + own_nM
        context_nM = context_nM * len(_AROUND) + _level(self.around_nM, _AROUND_LEVELS)
        context_nM = context_nM * len(_BUSY) + _level(self.busy_n, _BUSY_LEVELS)[:, None]
        return _GO_ON + context_nM

    def which_way(self) -> Ints:
        """(n, M)."""
        ways = (np.sign(part).astype(np.int32) + 1 for part in (self.own_nM, self.lean_nM, self.last_nM))
        context_nM = self.band_M
        for way_nM in ways:
            context_nM = context_nM * _WAYS + way_nM
        return _GO_ON + _WHETHER + context_nM


def _level(values: npt.NDArray[Any], levels: Ints) -> Ints:
    """The level of each number."""
    found: Ints = levels[np.minimum(values, len(levels) - 1)]
    return found
