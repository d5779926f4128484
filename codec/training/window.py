"""Means of what the steps since the last line of the log gave."""

from __future__ import annotations

import json
import math


class Window:
    """Sums by name, and how many steps are in them."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, values: dict[str, float]) -> None:
        """Take in one step."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def mean(self, name: str) -> float:
        """NaN when there were no steps."""
        return self._sums[name] / self._count if self._count else math.nan

    def take(self) -> dict[str, float]:
        """All means, to six digits, and begin again; nothing when there were no steps."""
        means = {name: float(f"{total / self._count:.6g}") for name, total in self._sums.items()}
        self._sums, self._count = {}, 0
        return means

    def dump(self) -> str:
        """As JSON, exactly."""
        return json.dumps([self._sums, self._count])

    @classmethod
    def parse(cls, text: str) -> Window:
        """What `dump` gave."""
        window = cls()
        window._sums, window._count = json.loads(text)
        return window
