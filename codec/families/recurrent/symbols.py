"""What is sent of one image, and its way to bytes and back.

Shape legend: T iterations, h and w blocks, M coefficients.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codec.entropy.adaptive_bits import BitReader, BitTally, BitWriter, Counts
from codec.errors import BitstreamError
from codec.families.recurrent.body import IterationSegment
from codec.families.recurrent.move_coder import Flags, MoveCoder, Moves


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Symbols:
    """What is sent of one image."""

    moves_ThwM: list[Moves]
    """-1, 0 or 1 by iteration, block and coefficient."""
    sent_Thw: list[Flags]
    """Which blocks send in an iteration; those that do not have no moves, and send in no later one."""

    @classmethod
    def nothing(cls, grid: tuple[int, int], iterations: int, coefficients: int) -> Symbols:
        """No move of any block, and every block stopped."""
        return cls(
            moves_ThwM=[np.zeros((*grid, coefficients), np.int8) for _ in range(iterations)],
            sent_Thw=[np.zeros(grid, np.bool_) for _ in range(iterations)],
        )

    @property
    def iterations(self) -> int:
        """How many there are."""
        return len(self.moves_ThwM)

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w) in blocks."""
        height, width = self.sent_Thw[0].shape
        return height, width

    def coefficients(self, move_TM: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Where the moves lead, (M, h, w): the linear path's coefficients."""
        total_hwM = np.zeros(self.moves_ThwM[0].shape, np.float32)
        for s_hwM, move_M in zip(self.moves_ThwM, move_TM, strict=False):
            total_hwM += s_hwM * move_M
        return np.ascontiguousarray(total_hwM.transpose(2, 0, 1))

    def tally(self, active: Sequence[int], into: BitTally) -> None:
        """Count its bits by context."""
        coder = self._coder()
        for iteration in range(self.iterations):
            coder.go_on(self.sent_Thw[iteration], into)
            coder.moves(self.moves_ThwM[iteration], active[iteration], into)

    def write(self, active: Sequence[int], counts: Counts) -> list[IterationSegment]:
        """As segments, one an iteration."""
        coder, writer, crc32 = self._coder(), BitWriter(counts), 0
        segments = []
        for iteration in range(self.iterations):
            sent_hw, s_hwM = self.sent_Thw[iteration], self.moves_ThwM[iteration]
            coder.go_on(sent_hw, writer)
            coder.moves(s_hwM, active[iteration], writer)
            crc32 = _crc32(sent_hw, s_hwM[..., : active[iteration]], crc32)
            segments.append(IterationSegment(words=writer.end_segment(), symbols_crc32=crc32))
        return segments

    def _coder(self) -> MoveCoder:
        return MoveCoder(self.grid, self.moves_ThwM[0].shape[2])


def read_symbols(
    segments: Sequence[IterationSegment],
    grid: tuple[int, int],
    active: Sequence[int],
    coefficients: int,
    counts: Counts,
) -> Symbols:
    """The symbols of an image of so many blocks.

    Raises:
        BitstreamError: the segments do not hold them.
    """
    if len(segments) > len(active):
        raise BitstreamError(f"expected at most {len(active)} iterations, got {len(segments)}: damaged")
    coder, reader, crc32 = MoveCoder(grid, coefficients), BitReader(counts), 0
    symbols = Symbols(moves_ThwM=[], sent_Thw=[])
    for iteration, segment in enumerate(segments):
        reader.begin_segment(segment.words)
        sent_hw = coder.go_on(None, reader)
        s_hwM = coder.moves(None, active[iteration], reader)
        reader.end_segment()
        crc32 = _crc32(sent_hw, s_hwM[..., : active[iteration]], crc32)
        if crc32 != segment.symbols_crc32:
            raise BitstreamError(
                f"expected symbols with checksum {segment.symbols_crc32:08x}, got {crc32:08x}: the payload is "
                "damaged, or this machine decodes differently; please report the latter"
            )
        symbols.moves_ThwM.append(s_hwM)
        symbols.sent_Thw.append(sent_hw)
    return symbols


def _crc32(sent_hw: Flags, s_hwM: Moves, crc32: int) -> int:
    """Of symbols as little-endian int16: which blocks send, then the moves of all blocks."""
    return zlib.crc32(s_hwM.astype("<i2").tobytes(), zlib.crc32(sent_hw.astype("<i2").tobytes(), crc32))
