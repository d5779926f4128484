"""Frequency tables: 64 shapes of a zero-mean integer, from almost always zero to hundreds of steps wide.

They are stored with the weights, as integers, and never computed where they are used: a table is the same everywhere.
Table k covers -reach[k] .. reach[k] and an escape; what lies beyond is written aside in full.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from codec.errors import WeightsError

SYMBOL_LIMIT: Final = 32767
TABLES: Final = 64
SMALLEST_SCALE: Final = 0.05
LARGEST_SCALE: Final = 200.0
"""Laplace scales of the first and the last table, in quantiser steps."""
TABLE_STEP: Final = math.log(LARGEST_SCALE / SMALLEST_SCALE) / (TABLES - 1)
TOTAL: Final = 1 << 20
"""Sum of a table's frequencies."""
MAX_REACH: Final = 1 << 12
SILENT: Final = 3
"""Symbols with a table below this are zero by rule and cost nothing: their chance of being another is under 0.1 %."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrequencyTables:
    """All tables, one after the other."""

    reach: npt.NDArray[np.int32]
    """(TABLES,): largest magnitude each table covers."""
    counts: npt.NDArray[np.int32]
    """Frequencies of -reach .. reach and then of the escape, table after table; at least 1 each, TOTAL in a table."""

    def __post_init__(self) -> None:
        """Check that they are what they must be.

        Raises:
            WeightsError: they are not.
        """
        whole = self.reach.shape == (TABLES,) and bool(
            (self.reach >= 1).all() and (self.reach <= MAX_REACH).all()
        )
        if not whole or self.counts.shape != (int((2 * self.reach + 2).sum()),) or self.counts.min() < 1:
            raise WeightsError(f"expected {TABLES} tables of 2 x reach + 2 positive frequencies each")
        if any(int(self.table(k).sum()) != TOTAL for k in range(TABLES)):
            raise WeightsError(f"expected every table's frequencies to sum to {TOTAL}")

    def table(self, k: int) -> npt.NDArray[np.int32]:
        """Frequencies of one table."""
        start = int((2 * self.reach[:k] + 2).sum())
        table: npt.NDArray[np.int32] = self.counts[start : start + 2 * int(self.reach[k]) + 2]
        return table

    def cost_bits(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """What each entry costs in bits, and where each table's zero lies among them: for estimates."""
        bits = (math.log2(TOTAL) - np.log2(self.counts)).astype(np.float32)
        sizes = 2 * self.reach.astype(np.int64) + 2
        return bits, np.cumsum(sizes) - sizes + self.reach


def laplace_tables() -> FrequencyTables:
    """Tables of discretised Laplace distributions, from which a model's own are fitted."""
    scales = SMALLEST_SCALE * np.exp(TABLE_STEP * np.arange(TABLES))
    return from_histograms([_laplace(scale) for scale in scales])


def fitted_tables(histograms: list[npt.NDArray[np.float64]], *, trust: float = 400.0) -> FrequencyTables:
    """Tables that follow what was counted, and the Laplace shape where little was.

    Args:
        histograms: per table, how often each of -reach .. reach occurred; sizes as `laplace_tables` has them.
        trust: how many symbols the Laplace shape counts for.
    """
    fitted = []
    for k, counted in enumerate(histograms):
        shape = _laplace(SMALLEST_SCALE * math.exp(TABLE_STEP * k))
        even = counted + counted[::-1]  # zero-mean by design: both signs say the same
        fitted.append(even / 2.0 + trust * shape[: len(counted)])
        fitted[-1] = np.append(fitted[-1], trust * shape[-1])
    return from_histograms(fitted)


def from_histograms(weights: list[npt.NDArray[np.float64]]) -> FrequencyTables:
    """Integer tables in proportion to `weights` (values of -reach .. reach, then the escape)."""
    reach = np.array([(len(w) - 2) // 2 for w in weights], np.int32)
    return FrequencyTables(reach=reach, counts=np.concatenate([_whole(w) for w in weights]))


def _laplace(scale: float) -> npt.NDArray[np.float64]:
    reach = min(MAX_REACH, max(2, math.ceil(10.0 * scale)))
    edges = np.arange(reach + 1) + 0.5
    beyond = 0.5 * np.exp(-edges / scale)  # P(symbol > n)
    inside = np.concatenate(([1.0 - 2.0 * beyond[0]], beyond[:-1] - beyond[1:]))
    return np.concatenate((inside[:0:-1], inside, [max(2.0 * beyond[-1], 1e-9)]))


def _whole(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """Integers of at least 1 in proportion, summing to TOTAL."""
    spare = TOTAL - len(weights)
    counts = 1 + np.floor(weights * (spare / weights.sum())).astype(np.int64)
    counts[int(np.argmax(counts))] += TOTAL - int(counts.sum())
    whole: npt.NDArray[np.int32] = counts.astype(np.int32)
    return whole
