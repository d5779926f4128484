"""Lost images whose shard is there again: restored from a copy, or on a disk that was not mounted."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue, literal
from pipeline.archive.layout import is_shard_path
from pipeline.archive.lost_reason import LOST, lost_from
from pipeline.archive.shards import catalogue_rows
from pipeline.errors import DamagedError
from pipeline.store.storage import Storage


def lost_rows(catalogue: Catalogue) -> Iterator[dict[str, str]]:
    """Key and reason of every image that is lost, sorted by key."""
    where = f"status = 'failed' AND starts_with(reason, {literal(LOST)})"
    for batch in catalogue.scan(["key", "reason"], where=where, order=["key"]):
        yield from batch.to_pylist()


def lost_in(rows: pa.Table) -> list[dict[str, str]]:
    """`lost_rows` of a table of CATALOGUE_SCHEMA."""
    is_lost = pc.and_(pc.invert(_is_stored(rows)), pc.starts_with(pc.fill_null(rows["reason"], ""), LOST))
    found: list[dict[str, str]] = rows.filter(is_lost).select(["key", "reason"]).to_pylist()
    return found


def returned(archive: Storage, catalogue: Catalogue) -> Iterator[pa.Table]:
    """Rows of lost images that a sound shard holds after all, CATALOGUE_SCHEMA; a table for each shard."""
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for row in lost_rows(catalogue):
        shard = lost_from(row["reason"])
        if shard is not None and is_shard_path(shard):
            keys[shard].append(row["key"])
    for shard, wanted in sorted(keys.items()):
        with contextlib.suppress(FileNotFoundError, DamagedError):
            rows = catalogue_rows(archive.read(shard), shard)
            found = rows.filter(pc.and_(pc.is_in(rows["key"], pa.array(wanted)), _is_stored(rows)))
            if found.num_rows:
                yield found


def _is_stored(rows: pa.Table) -> pa.ChunkedArray:
    return pc.not_equal(rows["status"], "failed")
