"""How the numbers of a million images are spread: narrow bins of a fixed number, so that memory does not grow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

PERCENTILES: Final = (0, 5, 25, 50, 75, 95, 100)
_BINS: Final = 10_000
_FEWEST_BARS: Final = 8
_MOST_BARS: Final = 32
_ROUND_STEPS: Final = tuple(base * 10**power for power in range(-5, 3) for base in (1, 2, 5))
_ROUND_RATIOS: Final = (1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """One bar of a histogram: images from `low` up to `high`."""

    low: float
    high: float
    images: int


class Histogram:
    """Counts values in bins of equal width (`linear`) or of equal ratio (`log`); what lies beyond is in the last."""

    def __init__(self, low: float, high: float, *, scale: Literal["linear", "log"] = "linear") -> None:
        self._to: Callable[[float], float] = math.log if scale == "log" else float
        self._from: Callable[[float], float] = math.exp if scale == "log" else float
        self._is_log = scale == "log"
        self._low, self._high = self._to(low), self._to(high)
        self._counts = np.zeros(_BINS, np.int64)
        self.count = 0
        self._least, self._most = math.inf, -math.inf

    def add(self, values: np.ndarray) -> None:
        """Count more; what is not finite is left out."""
        finite = values[np.isfinite(values)]
        if not len(finite):
            return
        self.count += len(finite)
        self._least = min(self._least, float(finite.min()))
        self._most = max(self._most, float(finite.max()))
        scaled = np.log(np.maximum(finite, self._from(self._low))) if self._is_log else finite
        at = ((scaled - self._low) / (self._high - self._low) * _BINS).astype(np.int64)
        self._counts += np.bincount(np.clip(at, 0, _BINS - 1), minlength=_BINS)

    def percentiles(self) -> dict[int, float]:
        """The usual ones, right to the width of a bin; the least and the most exactly. Nothing of nothing."""
        return {percent: self._percentile(percent) for percent in PERCENTILES} if self.count else {}

    def bars(self) -> list[Bin]:
        """A histogram between round edges, from the least value to the most: 32 bars at most, fewer of few values."""
        if not self.count:
            return []
        width = self._bar_width()
        first = math.floor(self._to(self._least) / width + 1e-9)
        last = max(math.ceil(self._to(self._most) / width - 1e-9), first + 1)
        middles = self._low + (np.arange(_BINS) + 0.5) * (self._high - self._low) / _BINS
        into = np.clip(np.floor(middles / width).astype(np.int64) - first, 0, last - first - 1)
        counts = np.bincount(into, weights=self._counts, minlength=last - first)
        return [
            Bin(
                low=self._from((first + number) * width),
                high=self._from((first + number + 1) * width),
                images=int(images),
            )
            for number, images in enumerate(counts)
        ]

    def _percentile(self, percent: int) -> float:
        if percent in (0, 100):
            return self._least if percent == 0 else self._most
        rank = percent / 100 * (self.count - 1)
        reached = np.cumsum(self._counts)
        at = int(np.searchsorted(reached, rank, side="right"))
        before = reached[at] - self._counts[at]
        inside = (rank - before + 0.5) / self._counts[at]
        value = self._from(self._low + (at + inside) * (self._high - self._low) / _BINS)
        return float(min(max(value, self._least), self._most))

    def _bar_width(self) -> float:
        extent = self._to(self._most) - self._to(self._least)
        narrowest = (self._high - self._low) / _BINS
        widths = [math.log(ratio) for ratio in _ROUND_RATIOS] if self._is_log else _ROUND_STEPS
        most = min(_MOST_BARS, max(_FEWEST_BARS, int(3 * math.sqrt(self.count)))) - 1
        fitting = [width for width in widths if width >= 2 * narrowest and extent / width <= most]
        return fitting[0] if fitting else max(extent / most, 2 * narrowest)
