"""Catalogue rows, one shard after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.schema import CATALOGUE_SCHEMA

SHARD_ORDER: Final = ("shard", "row")


def split_by_shard(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, pa.Table]]:
    """(shard, its rows) of CATALOGUE_SCHEMA rows sorted by SHARD_ORDER; holds one shard's and one batch."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        names = batch["shard"]
        edges = np.flatnonzero(pc.not_equal(names[1:], names[:-1]).to_numpy(zero_copy_only=False)) + 1
        for part in _cut(batch, [int(edge) for edge in edges]):
            if waiting and waiting[0]["shard"][0] != part["shard"][0]:
                yield waiting[0]["shard"][0].as_py(), pa.Table.from_batches(waiting, CATALOGUE_SCHEMA)
                waiting = []
            waiting.append(part)
    if waiting:
        yield waiting[0]["shard"][0].as_py(), pa.Table.from_batches(waiting, CATALOGUE_SCHEMA)


def table_by_shard(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """(shard, its rows in their order) of CATALOGUE_SCHEMA rows in any order."""
    return split_by_shard(rows.sort_by([(name, "ascending") for name in SHARD_ORDER]).to_batches())


def _cut(batch: pa.RecordBatch, edges: list[int]) -> Iterator[pa.RecordBatch]:
    for start, stop in zip([0, *edges], [*edges, len(batch)], strict=True):
        if stop > start:
            yield batch.slice(start, stop - start)
