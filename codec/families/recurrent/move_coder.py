"""Moves <-> bits with contexts: what is coded of an iteration, in which order, and what each bit is expected to be.

First come the blocks that go on; then, of those, each coefficient: one bit says whether it moves, and if it does, one
says which way. Both in four passes over a 2 x 2 pattern of blocks, so that a pass is coded in one call and all but the
first know neighbours on every side. What a bit's context is made of is integers that a decoder has by then
(`contexts.py`).

Shape legend: s_hwM moves, int8, of one image; n blocks of a pass that send.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from codec.entropy.adaptive_bits import Bits, Contexts
from codec.families.recurrent.config import RATIO
from codec.families.recurrent.contexts import PER_ITERATION, UNIT, CoefficientContext, bands, go_on_contexts
from codec.parts.lattice import QUARTERS, Lattice

Moves = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

_LARGEST: Final = 2000
"""Of a size: what is larger is as unusual."""


class BitStream(Protocol):
    """A writer, a reader or a tally of bits."""

    def group(self, wanted_n: Bits | None, contexts_n: Contexts) -> Bits:
        """The bits of one group: those wanted, or those read."""
        ...


class MoveCoder:
    """One image's moves on their way through a stream."""

    def __init__(self, grid: tuple[int, int], coefficients: int) -> None:
        """Nothing sent yet of an image of (h, w) blocks."""
        height, width = grid
        self._band_M = bands(coefficients)
        self._size_hwM = np.zeros((height + 2, width + 2, coefficients), np.int16)
        """Where the moves led, in eighths of a step, within a border of zeros."""
        self._last_hwM: Moves = np.zeros((height, width, coefficients), np.int8)
        self._sent_hw: Flags = np.ones(grid, np.bool_)
        self._first_context = 0

    def go_on(self, wanted_hw: Flags | None, stream: BitStream) -> Flags:
        """Pass which blocks send in the next iteration: of those that sent before."""
        busy_hw = np.count_nonzero(self._last_hwM, axis=2)
        sent_hw = np.zeros((self._sent_hw.shape[0] + 2, self._sent_hw.shape[1] + 2), np.int16)
        for lattice in QUARTERS:
            place = lattice.rows, lattice.columns
            open_n = self._sent_hw[place]
            near_n = _sum(_around(sent_hw, lattice, corners=False))[open_n]
            contexts_n = self._first_context + go_on_contexts(near_n, busy_hw[place][open_n])
            wanted_n = None if wanted_hw is None else wanted_hw[place][open_n]
            sent_hw[1:-1, 1:-1][place][open_n] = stream.group(wanted_n, contexts_n)
        self._sent_hw = sent_hw[1:-1, 1:-1] > 0
        return self._sent_hw

    def moves(self, wanted_hwM: Moves | None, active: int, stream: BitStream) -> Moves:
        """Pass the moves of the blocks that send, of the first coefficients: that ends the iteration."""
        shrunk_hwM = self._size_hwM * np.int16(RATIO[0]) // np.int16(RATIO[1])
        self._size_hwM = np.clip(shrunk_hwM, -_LARGEST, _LARGEST)
        busy_hw = np.count_nonzero(self._last_hwM, axis=2)
        found_hwM = np.zeros_like(self._last_hwM)
        for turn, lattice in enumerate(QUARTERS):
            place = lattice.rows, lattice.columns
            sent_n = self._sent_hw[place]
            context = CoefficientContext(
                band_M=self._band_M[:active],
                turn=turn,
                own_nM=self._size_hwM[1:-1, 1:-1][place][..., :active][sent_n],
                last_nM=self._last_hwM[place][..., :active][sent_n],
                around_nM=_sum(
                    [np.abs(one[..., :active][sent_n]) for one in _around(self._size_hwM, lattice)]
                ),
                lean_nM=_sum(
                    [one[..., :active][sent_n] for one in _around(self._size_hwM, lattice, corners=False)]
                ),
                busy_n=busy_hw[place][sent_n],
            )
            wanted_nM = None if wanted_hwM is None else wanted_hwM[place][..., :active][sent_n]
            found_nM = self._passed(wanted_nM, context, stream)
            found_hwM[place][..., :active][sent_n] = found_nM
            self._size_hwM[1:-1, 1:-1][place][..., :active][sent_n] += found_nM * np.int16(UNIT)
        self._last_hwM = found_hwM
        self._first_context += PER_ITERATION
        return found_hwM

    def _passed(self, wanted_nM: Moves | None, context: CoefficientContext, stream: BitStream) -> Moves:
        """The moves of one pass, (n, M)."""
        wanted_to = None if wanted_nM is None else (wanted_nM != 0).ravel()
        moved_n = stream.group(wanted_to, self._first_context + context.whether_it_moves().ravel())
        moved_nM = moved_n.reshape(context.own_nM.shape)
        wanted_up = None if wanted_nM is None else wanted_nM[moved_nM] > 0
        up_n = stream.group(wanted_up, self._first_context + context.which_way()[moved_nM])
        found_nM: Moves = np.zeros(moved_nM.shape, np.int8)
        found_nM[moved_nM] = np.where(up_n, 1, -1)
        return found_nM


def _around(
    bordered: npt.NDArray[np.int16], lattice: Lattice, *, corners: bool = True
) -> list[npt.NDArray[np.int16]]:
    """Views of what lies around the positions of a lattice: at the four sides, and at the corners."""
    height, width = bordered.shape[0] - 2, bordered.shape[1] - 2
    return [
        bordered[down : down + height, right : right + width][lattice.rows, lattice.columns]
        for down in (0, 1, 2)
        for right in (0, 1, 2)
        if (down, right) != (1, 1) and (corners or 1 in (down, right))
    ]


def _sum(parts: list[npt.NDArray[np.int16]]) -> npt.NDArray[Any]:
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total
