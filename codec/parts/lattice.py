"""Which positions a pass codes: all, or every other row and column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Every `step`-th row and column."""

    row: int = 0
    """The first one, below `step`."""
    column: int = 0
    step: int = 1

    @property
    def rows(self) -> slice:
        """To slice rows with."""
        return slice(self.row, None, self.step)

    @property
    def columns(self) -> slice:
        """To slice columns with."""
        return slice(self.column, None, self.step)

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """(h, w) of its positions within so many rows and columns."""
        return len(range(height)[self.rows]), len(range(width)[self.columns])

    def seen_from(self, above: int) -> tuple[Lattice, int]:
        """The same positions counted from a row `above` the first: a lattice, and how many of its rows come before."""
        skipped, row = divmod(self.row + above, self.step)
        return Lattice(row=row, column=self.column, step=self.step), skipped


WHOLE: Final = Lattice()
QUARTERS: Final = tuple(
    Lattice(row=row, column=column, step=2) for row, column in ((0, 0), (1, 1), (0, 1), (1, 0))
)
"""The four lattices of a 2 x 2 pattern: each position's neighbours at the corners come first, then those beside it."""
