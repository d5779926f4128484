"""The images of one version, page by page: those that meet a filter, in an order, from where the last page ended.

Nothing that is asked makes more work than a budget of rows looked at: a page that used it up says how far it came and
where to go on, be it empty. The rows of an order other than that of keys are put in order when it is first asked
for, four bytes a row.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.filters import Filter
from pipeline.archive.sorted_rows import Positions, SortedRows
from pipeline.errors import ConfigError

MOST_LOOKED_AT: Final = 200_000
"""Rows that one page looks at."""
MOST_COUNTED: Final = 1_000_000
"""Rows that one count looks at: it reads fewer columns, and none of what it finds."""
_FIRST_LOOK: Final = 1_024
_LARGEST_LOOK: Final = 65_536
"""Rows looked at together: twice as many each time, since whoever found too few will need many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One in which images come: by a column, and by key where that is equal; those that have none of it come last."""

    name: str
    meaning: str
    column: str
    is_descending: bool = False


_ALL: Final = (
    Order(name="key", meaning="by name", column="key"),
    Order(name="worst", meaning="worst first", column="psnr_db"),
    Order(name="largest", meaning="largest first", column="payload_length", is_descending=True),
    Order(name="bits", meaning="most bits a pixel", column="bpp", is_descending=True),
    Order(name="newest", meaning="newest first", column="encoded_at", is_descending=True),
)
ORDERS: Final = MappingProxyType({order.name: order for order in _ALL})
BY_KEY: Final = ORDERS["key"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeyPage:
    """Images in order, and where to go on."""

    positions: Positions
    """Of their rows, in the order of the keys."""
    after: str | None
    """What the next page begins after; None where this is the last."""
    looked_at: int
    """Rows."""
    rank: int | None
    """How many images of the listing come before; None where rows must be looked at to know."""
    total: int | None
    """How many images the listing has; None likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many images meet a filter, as far as was looked."""

    images: int
    looked_at: int
    after: str | None
    """What the next count begins after; None when all were looked at."""


class Listing:
    """The rows of one version. Safe to use from several threads; what it does may take some 100 ms."""

    def __init__(self, rows: SortedRows) -> None:
        """Take the rows; nothing is put in order yet."""
        self.rows = rows
        self._in_order: dict[str, Positions] = {}
        self._lock = Lock()

    def page(
        self, wanted: Filter, order: Order = BY_KEY, *, after: str | None = None, start: int = 0, limit: int
    ) -> KeyPage:
        """Some of the images that meet a filter, in order.

        Args:
            after: what an earlier page gave, perhaps one of another version; None for the first.
            start: in place of `after`: pass over so many images.
            limit: images, at most.
        Raises:
            ConfigError: `after` was not given by a page of this order, or there is a `start` where images have to be
                looked at.
        """
        is_counted = wanted.is_folder and (order is BY_KEY or not wanted.prefix)
        if start and not is_counted:
            raise ConfigError(
                f"Expected no `start` with a filter or an order that has to look at images, got {start}; go on from "
                "page to page by `after`."
            )
        candidates = self._candidates(wanted, order)
        begin = min(start, len(candidates)) if after is None else self._rank_after(after, candidates, order)
        if is_counted:
            stop = min(begin + limit, len(candidates))
            found = np.asarray(candidates[begin:stop], np.uint32)
        else:
            found, stop = self._look(wanted, candidates, begin, limit)
        return KeyPage(
            positions=found,
            after=self._cursor(int(candidates[stop - 1]), order) if stop < len(candidates) else None,
            looked_at=stop - begin,
            rank=begin if is_counted else None,
            total=len(candidates) if is_counted else None,
        )

    def rank(self, key: str, order: Order) -> int:
        """How many images come before a key's in an order; before where it would stand, if there is none."""
        position = self.rows.position(key)
        if order is BY_KEY or position == len(self.rows):
            return position
        return self._rank(self._values(range(position, position + 1), order)[0], position, order)

    def count(self, wanted: Filter, *, after: str | None = None) -> Count:
        """How many images meet a filter, in the order of the keys.

        Args:
            after: what an earlier count gave: it goes on from there.
        """
        candidates = self.rows.with_prefix(wanted.prefix)
        begin = candidates.start if after is None else max(candidates.start, self._position_after(after))
        if wanted.is_folder:
            return Count(images=len(candidates), looked_at=0, after=None)
        stop = min(candidates.stop, begin + MOST_COUNTED)
        images = 0
        for at in range(begin, stop, _LARGEST_LOOK):
            rows = self.rows.read(range(at, min(at + _LARGEST_LOOK, stop)), wanted.columns)
            images += pc.sum(wanted.holds(rows)).as_py() or 0
        is_whole = stop >= candidates.stop
        return Count(
            images=images, looked_at=max(stop - begin, 0), after=None if is_whole else self._key(stop - 1)
        )

    def _look(
        self, wanted: Filter, candidates: range | Positions, begin: int, limit: int
    ) -> tuple[Positions, int]:
        """Positions of the first that meet the filter, and how far the candidates were looked at."""
        found = [np.empty(0, np.uint32)]
        size, count, at = _FIRST_LOOK, 0, begin
        end = min(len(candidates), begin + MOST_LOOKED_AT)
        while at < end and count < limit:
            part = candidates[at : min(at + size, end)]
            hits = np.flatnonzero(wanted.holds(self.rows.read(part, wanted.columns)))[: limit - count]
            found.append(np.asarray(part, np.uint32)[hits])
            count += len(hits)
            at += len(part) if count < limit else int(hits[-1]) + 1
            size = min(2 * size, _LARGEST_LOOK)
        return np.concatenate(found), at

    def _candidates(self, wanted: Filter, order: Order) -> range | Positions:
        """Positions of all that may meet the filter, in order."""
        return self.rows.with_prefix(wanted.prefix) if order is BY_KEY else self._ordered(order)

    def _ordered(self, order: Order) -> Positions:
        with self._lock:
            if order.name not in self._in_order:
                values = self._values(range(len(self.rows)), order)
                self._in_order[order.name] = np.argsort(values, kind="stable").astype(np.uint32)
            return self._in_order[order.name]

    def _values(self, positions: range, order: Order) -> npt.NDArray[np.float64]:
        """What ascends in an order: infinite of rows that have none."""
        column = self.rows.read(positions, [order.column])[order.column]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return np.where(np.isnan(numbers), np.inf, -numbers if order.is_descending else numbers)

    def _cursor(self, position: int, order: Order) -> str:
        """What tells where a row stands, in this version and in others: its value and its key."""
        key = self._key(position)
        if order is BY_KEY:
            return key
        return f"{self._values(range(position, position + 1), order)[0]} {key}"

    def _rank_after(self, after: str, candidates: range | Positions, order: Order) -> int:
        if isinstance(candidates, range):
            return min(max(self._position_after(after) - candidates.start, 0), len(candidates))
        value, _, key = after.partition(" ")
        try:
            return self._rank(float(value), self._position_after(key), order)
        except ValueError:
            raise ConfigError(
                f"Expected in `after` what a page in order {order.name} gave as `next`, got {after!r}; begin without."
            ) from None

    def _rank(self, value: float, position: int, order: Order) -> int:
        """How many rows come before a place in an order."""
        candidates = self._ordered(order)

        def place(rank: int) -> tuple[float, int]:
            at = int(candidates[rank])
            return float(self._values(range(at, at + 1), order)[0]), at

        return bisect_left(range(len(candidates)), (value, position), key=place)

    def _position_after(self, key: str) -> int:
        return self.rows.position(f"{key}\0")

    def _key(self, position: int) -> str:
        return str(self.rows.read(range(position, position + 1), ["key"])["key"][0].as_py())
