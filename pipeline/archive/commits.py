"""Writing the catalogue's table: rows in, images out, each change whole or not at all, whoever else is writing."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties
from deltalake.exceptions import CommitFailedError

from pipeline.archive.delta_table import DeltaCatalogueTable
from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.queries import columns_of, select, shards_in
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.archive.sql_text import one_of
from pipeline.errors import ArchiveError

_ATTEMPTS: Final = 24
_LONGEST_PAUSE_S: Final = 4.0
_NEWER: Final = (
    "s.status <> 'failed' AND s.encoded_at >= t.encoded_at AND ("
    "(t.source_size IS DISTINCT FROM s.source_size)"
    " OR (t.source_etag IS DISTINCT FROM s.source_etag)"
    " OR (s.source_etag IS NULL AND (t.source_mtime IS DISTINCT FROM s.source_mtime))"
    " OR (t.source_sha256 IS DISTINCT FROM s.source_sha256))"
)
"""The row comes from another version of the source than the one in the catalogue, could be read, and is not older.
An older one comes from a killed run that is resumed after another run has encoded the image."""
_RETRIED: Final = "(t.status = 'failed' AND (s.status <> 'failed' OR t.run <> s.run))"
"""A failed row is replaced by whatever came of trying again; not by a second driver of the same run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """What a commit says of who made it."""

    run: str
    info: Mapping[str, str] = field(default_factory=dict)

    def properties(self) -> CommitProperties:
        """As deltalake takes it."""
        return CommitProperties(custom_metadata={**self.info, "tenfold.run": self.run})


def merge(
    table: DeltaCatalogueTable,
    rows: pa.Table,
    author: Author,
    *,
    lost_shards: Collection[str] = (),
    displaced: dict[str, str] | None = None,
) -> int:
    """Make rows part of the archive; see `Catalogue.commit`."""
    if rows.num_rows == 0:
        return 0
    if pc.count_distinct(rows["key"]).as_py() != rows.num_rows:
        counts = pc.value_counts(rows["key"].combine_chunks()).to_pylist()
        twice = next(entry["values"] for entry in counts if entry["counts"] > 1)
        raise ValueError(f"Expected each key once in a commit, got {twice!r} again.")
    lost = frozenset(lost_shards)

    def change() -> int:
        strangers = {} if displaced is None else _of_other_sources(table, rows)
        count = _merge_once(table, rows, author, lost)
        if displaced is not None and strangers:
            ours = f"{one_of('key', sorted(strangers))} AND {one_of('run', [author.run])}"
            for batch in select(table, ["key"], where=ours):
                displaced.update((key, strangers[key]) for key in batch["key"].to_pylist())
        return count

    return _retried(table, change, f"commit {rows.num_rows} rows to")


def remove(table: DeltaCatalogueTable, rows: pa.Table, author: Author) -> int:
    """Take images out of the archive; see `Catalogue.remove`."""
    if rows.num_rows == 0:
        return 0
    return _retried(table, lambda: _remove_once(table, rows, author), f"remove {rows.num_rows} images from")


def _retried(table: DeltaCatalogueTable, change: Callable[[], int], what: str) -> int:
    """Try a change until no other writer gets in between."""
    if table.as_of is not None:
        raise ValueError(f"Expected the newest version to commit to, got version {table.as_of}.")
    for attempt in range(_ATTEMPTS):
        table.refresh()
        try:
            with table.translated():
                changed = change()
        except CommitFailedError:
            pass  # another writer was faster: see what it wrote, and merge with that
        else:
            table.trust_commit()
            return changed
        time.sleep(random.uniform(0.2, 1) * min(_LONGEST_PAUSE_S, 0.05 * 2**attempt))
    raise ArchiveError(
        f"Expected to {what} {table.storage.url}, got {_ATTEMPTS} conflicts with other writers. Are "
        "many runs writing to this archive? Run the same command again."
    )


def _merge_once(table: DeltaCatalogueTable, rows: pa.Table, author: Author, lost: frozenset[str]) -> int:
    table.raise_format(author.properties())
    replaced = f"({_NEWER} AND ({_spares_sound(table)})) OR {_RETRIED}"
    if lost:  # there may be very many: only those matter that rows of these keys lie in
        here = lost & shards_in(table, keys=KeyRanges.around(rows["key"]))
        if here:
            replaced += f" OR {one_of('t.shard', sorted(here))}"
    keys = KeyRanges.around(rows["key"])
    done = (
        table.opened_for(keys)
        .merge(
            rows.cast(CATALOGUE_SCHEMA),
            predicate=f"t.key = s.key AND {keys.condition('t.key')}",
            source_alias="s",
            target_alias="t",
            merge_schema=True,
            commit_properties=author.properties(),
        )
        .when_matched_update_all(predicate=replaced)
        .when_not_matched_insert_all()
        .execute()
    )
    return int(done["num_target_rows_inserted"]) + int(done["num_target_rows_updated"])


def _spares_sound(table: DeltaCatalogueTable) -> str:
    """The condition that a damaged file takes the place of no sound image, only of a failed or another damaged one."""
    spares = "s.damaged IS NOT TRUE OR t.status = 'failed'"
    return f"{spares} OR t.damaged IS TRUE" if "damaged" in columns_of(table) else spares


def _of_other_sources(table: DeltaCatalogueTable, rows: pa.Table) -> dict[str, str]:
    """Images that the table holds under keys of these rows, from another URL: key -> that URL."""
    keys = rows["key"].combine_chunks()
    urls = dict(zip(keys.to_pylist(), rows["source_url"].to_pylist(), strict=True))
    found: dict[str, str] = {}
    for batch in select(table, ["key", "source_url"], keys=KeyRanges.around(keys)):
        there = batch.filter(pc.is_in(batch["key"], value_set=keys))
        held = zip(there["key"].to_pylist(), there["source_url"].to_pylist(), strict=True)
        found.update((key, url) for key, url in held if url != urls[key])
    return found


def _remove_once(table: DeltaCatalogueTable, rows: pa.Table, author: Author) -> int:
    is_same = "t.key = s.key AND t.shard = s.shard AND t.row = s.row"
    keys = KeyRanges.around(rows["key"])
    done = (
        table.opened_for(keys)
        .merge(
            rows.select(["key", "shard", "row"]),
            predicate=f"{is_same} AND {keys.condition('t.key')}",
            source_alias="s",
            target_alias="t",
            commit_properties=author.properties(),
        )
        .when_matched_delete()
        .execute()
    )
    return int(done["num_target_rows_deleted"])
