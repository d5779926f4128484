"""The factorised entropy model: every channel has one table a quality, whatever lies around a symbol.

Which table that is was counted when the weights were written, and lies in them as an integer.

Shape legend: L = 64 qualities, C channels, N positions of a sample, h and w those of an image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from codec.contract import QUALITIES
from codec.entropy.range_coder import Indices, Symbols
from codec.entropy.tables import (
    MAX_REACH,
    SILENT,
    TABLES,
    TOTAL,
    FrequencyTables,
    fitted_tables,
    from_histograms,
    laplace_tables,
)
from codec.errors import WeightsError

_ESCAPE_BITS: Final = 24.0
"""What a symbol written aside takes, beside the escape itself."""
_ROUNDS: Final = 2
"""Tables are chosen, fitted to what chose them, and chosen again."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FactorisedModel:
    """Tables, and which of them serves a channel at a quality."""

    tables: FrequencyTables
    index_LC: Indices

    def __post_init__(self) -> None:
        """Check that every channel has a table at every quality.

        Raises:
            WeightsError: one has not.
        """
        index = self.index_LC
        if index.ndim != 2 or len(index) != len(QUALITIES) or index.dtype != np.uint8:
            raise WeightsError(f"expected a table's number (uint8) for {len(QUALITIES)} qualities x channels")
        if index.min(initial=SILENT) < SILENT or index.max(initial=SILENT) >= TABLES:
            raise WeightsError(
                f"expected tables {SILENT} to {TABLES - 1}, got {index.min()} to {index.max()}"
            )

    def indices(self, level: int, positions: int) -> Indices:
        """The tables of an image's symbols, channel after channel: (C x positions,)."""
        return np.repeat(self.index_LC[level], positions)


def fit_factorised(symbols_at: Callable[[int], Symbols]) -> FactorisedModel:
    """The model that codes a sample in the fewest bits.

    Args:
        symbols_at: the sample's symbols at one of the 64 qualities, (N, C).
    """
    counts_LCm = _counted([np.abs(symbols_at(level).astype(np.int32)) for level in QUALITIES])
    tables = laplace_tables()
    for _ in range(_ROUNDS):
        index_LC = _cheapest(counts_LCm, tables)
        tables = _fitted(counts_LCm, index_LC)
    return FactorisedModel(tables=tables, index_LC=index_LC)


def _counted(magnitudes_LNC: Sequence[npt.NDArray[np.int32]]) -> npt.NDArray[np.float32]:
    """How often each magnitude occurred, (L, C, m): m up to the largest, or to that which stands for all that no table
    reaches."""
    channels = magnitudes_LNC[0].shape[1]
    length = 1 + min(MAX_REACH + 1, max(int(one.max(initial=0)) for one in magnitudes_LNC))
    counts_LCm = np.empty((len(magnitudes_LNC), channels, length), np.float32)
    for counts_Cm, magnitudes_NC in zip(counts_LCm, magnitudes_LNC, strict=True):
        places = np.minimum(magnitudes_NC, length - 1) + length * np.arange(channels)
        counts_Cm[:] = np.bincount(places.ravel(), minlength=channels * length).reshape(channels, length)
    return counts_LCm


def _cheapest(counts_LCm: npt.NDArray[np.float32], tables: FrequencyTables) -> Indices:
    """The table in which each channel takes the fewest bits at each quality, (L, C)."""
    length = counts_LCm.shape[2]
    bits_km = np.full((TABLES, length), np.inf, np.float32)
    for k in range(SILENT, TABLES):  # those below code nothing but zeros
        reach, own = int(tables.reach[k]), math.log2(TOTAL) - np.log2(tables.table(k))
        bits_km[k] = own[-1] + _ESCAPE_BITS
        bits_km[k, : reach + 1] = own[reach : 2 * reach + 1][:length]
    index_LC: Indices = (counts_LCm @ bits_km[SILENT:].T).argmin(2) + SILENT
    return index_LC.astype(np.uint8)


def _fitted(counts_LCm: npt.NDArray[np.float32], index_LC: Indices) -> FrequencyTables:
    """Tables that follow what chose them; those that nothing chose are as short as a table can be."""
    histograms = []
    for k, reach in enumerate(laplace_tables().reach.tolist()):
        counted_m = np.zeros(reach + 1)
        seen_m = counts_LCm[index_LC == k].sum(0, dtype=np.float64)[: reach + 1]
        counted_m[: len(seen_m)] = seen_m
        histograms.append(np.concatenate((counted_m[:0:-1] / 2.0, counted_m[:1], counted_m[1:] / 2.0)))
    fitted, chosen = fitted_tables(histograms), set(np.unique(index_LC).tolist())
    return from_histograms(
        [fitted.table(k).astype(np.float64) if k in chosen else np.ones(4) for k in range(TABLES)]
    )
