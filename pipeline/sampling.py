"""Which images to look at closely: a few of many, seeded, in one pass and bounded memory.

An image's chance is a hash of the seed and its key: the same images are drawn again tomorrow, and when others came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_CHANCE: Final = "chance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How many images to draw: a number, a share, or (neither) all."""

    count: int | None = None
    share: float | None = None
    seed: int = 0


class LowestRows:
    """Of rows that come in parts, those lowest in one column (ties: by key), up to a number."""

    def __init__(self, most: int, *, by: str) -> None:
        self._most = most
        self._by = by
        self._rows: pa.Table | None = None

    def offer(self, rows: pa.Table) -> None:
        """Take the next part; it must have `key` and the column, nulls are left out."""
        with_value = rows.filter(pc.is_valid(rows[self._by]))
        both = with_value if self._rows is None else pa.concat_tables([self._rows, with_value])
        keys = [(self._by, "ascending"), ("key", "ascending")]
        self._rows = both.take(pc.select_k_unstable(both, k=min(self._most, len(both)), sort_keys=keys))

    def rows(self) -> pa.Table | None:
        """The lowest first; None when nothing was offered."""
        return self._rows


class DrawnRows:
    """Rows drawn by chance, from rows that come in parts."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._lowest = LowestRows(sampling.count, by=_CHANCE) if sampling.count is not None else None
        self._parts: list[pa.Table] = []

    def offer(self, rows: pa.Table) -> None:
        """Take the next part; it must have `key`."""
        if self._lowest is None and self._sampling.share is None:
            self._parts.append(rows)
            return
        chances = _chances(rows["key"].to_pylist(), self._sampling.seed)
        if self._lowest is not None:
            self._lowest.offer(rows.append_column(_CHANCE, pa.array(chances)))
        else:
            self._parts.append(rows.filter(pa.array(chances < (self._sampling.share or 0.0) * 2.0**64)))

    def rows(self) -> pa.Table | None:
        """Those drawn; None when nothing was offered."""
        if self._lowest is not None:
            held = self._lowest.rows()
            return None if held is None else held.drop_columns([_CHANCE])
        return pa.concat_tables(self._parts) if self._parts else None


def _chances(keys: Sequence[str], seed: int) -> np.ndarray:
    salt = seed.to_bytes(16, "little", signed=False)
    digests = (hashlib.blake2b(key.encode(), digest_size=8, key=salt).digest() for key in keys)
    return np.frombuffer(b"".join(digests), dtype=np.uint64)
