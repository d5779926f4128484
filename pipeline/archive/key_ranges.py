"""Which keys are asked for, as ranges in their order: by them a query skips files, row groups and pages."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.sql_text import literal

_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, kw_only=True)
class KeyRanges:
    """Ranges from a first key to one before which it stops (None: no end): sorted, and no two of them meet."""

    ranges: tuple[tuple[str, str | None], ...]

    @classmethod
    def of_keys(cls, keys: Collection[str]) -> KeyRanges:
        """These keys and no others."""
        return cls(ranges=tuple((key, _next(key)) for key in sorted(set(keys))))

    @classmethod
    def with_prefix(cls, prefix: str) -> KeyRanges:
        """All keys that start so."""
        return cls(ranges=((prefix, _after_all_with(prefix)),))

    @classmethod
    def united(cls, ranges: Iterable[tuple[str, str | None]]) -> KeyRanges:
        """All keys that lie in any of some ranges, in whatever order they come."""
        merged: list[tuple[str, str | None]] = []
        for first, stop in sorted(ranges, key=lambda one: one[0]):
            before = merged[-1][1] if merged else ""
            if not merged or (before is not None and first > before):
                merged.append((first, stop))
            elif before is not None and (stop is None or stop > before):
                merged[-1] = (merged[-1][0], stop)
        return cls(ranges=tuple(merged))

    def __len__(self) -> int:
        return len(self.ranges)

    def cut(self, most: int) -> Iterator[KeyRanges]:
        """The same in parts of so many ranges at most."""
        for start in range(0, len(self.ranges), most):
            yield KeyRanges(ranges=self.ranges[start : start + most])

    def extent(self) -> KeyRanges:
        """One range that holds them all."""
        return KeyRanges(ranges=((self.ranges[0][0], self.ranges[-1][1]),))

    def common(self, other: KeyRanges) -> KeyRanges:
        """The keys that lie in both."""
        both = (
            (max(first, begin), min((one for one in (stop, end) if one is not None), default=None))
            for first, stop in self.ranges
            for begin, end in other.ranges
        )
        return KeyRanges(ranges=tuple((first, stop) for first, stop in both if stop is None or first < stop))

    def condition(self, name: str = "key") -> str:
        """As SQL on a column: comparisons alone, by which Delta and Parquet skip what their statistics rule out."""
        return " OR ".join(f"({_condition(name, first, stop)})" for first, stop in self.ranges) or "false"

    def hold(self, keys: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """For each key whether it lies in one of the ranges."""
        begins, stops = self._arrays
        number = pc.subtract(pc.search_sorted(begins, keys, side="right"), 1)
        return pc.fill_null(pc.less(keys, stops.take(number)), True)

    def touches(self, first: str, last: str | None) -> bool:
        """Whether an extent of keys, from a first to a last (None: no end is known), meets one of the ranges.

        Of the ranges that begin before the extent ends, the last one reaches farthest: it alone decides.
        """
        begun = len(self.ranges) if last is None else bisect_right(self.ranges, last, key=itemgetter(0))
        if not begun:
            return False
        stop = self.ranges[begun - 1][1]
        return stop is None or first < stop

    @cached_property
    def _arrays(self) -> tuple[pa.Array, pa.Array]:
        """Where ranges begin and stop, after an empty one that begins before all keys."""
        begins, stops = zip(("", ""), *self.ranges, strict=True)
        return pa.array(begins, pa.string()), pa.array(stops, pa.string())


def _condition(name: str, first: str, stop: str | None) -> str:
    if stop == _next(first):
        return f"{name} = {literal(first)}"
    if stop is None:
        return f"{name} >= {literal(first)}"
    if stop.endswith("\0"):
        return f"{name} >= {literal(first)} AND {name} <= {literal(stop[:-1])}"
    return f"{name} >= {literal(first)} AND {name} < {literal(stop)}"


def _next(key: str) -> str:
    """The key right after one: no other lies between them."""
    return f"{key}\0"


def _after_all_with(prefix: str) -> str | None:
    """The first text after all that start with a prefix; None when there is none."""
    kept = prefix.rstrip(_LAST_CHARACTER)
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)
