"""Writing the catalogue's table: rows in, images out, each change whole or not at all, whoever else is writing.

New rows come in files of their own. Where rows change or go, the files in which they lie are written anew without
them: a plain Delta table knows no other way. When these hold half of all rows, the rest is put in order along with it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties
from deltalake.exceptions import CommitFailedError

from pipeline.archive.data_files import NewFile, publish, total_rows, touched_by
from pipeline.archive.delta_table import DeltaCatalogueTable
from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.keyed_rows import keys_of, sorted_by_key, with_keys, without_keys
from pipeline.archive.prune_marks import SHORTEST_GRACE, PruneMarkReader
from pipeline.archive.replacing import Held, held_in, is_replaced, of_same_keys
from pipeline.archive.rewriting import NO_ROWS, cut_to_size, rewritten, rows_per_file
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.errors import ArchiveError
from pipeline.store.storage import Storage

ATTEMPTS: Final = 24
"""How often other writers may be faster."""
_LONGEST_PAUSE_S: Final = 4.0
_WRITERS: Final = 4
"""Files being written at once."""
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """What a commit says of who made it."""

    run: str
    info: Mapping[str, str] = field(default_factory=dict)

    def properties(self, *, added: int = 0, changed: int = 0, removed: int = 0) -> CommitProperties:
        """As deltalake takes it, with the numbers of images; what was decided is not tried again on another version."""
        metrics = {
            "num_target_rows_inserted": added,
            "num_target_rows_updated": changed,
            "num_target_rows_deleted": removed,
        }
        metadata: dict[str, Any] = {**self.info, "tenfold.run": self.run, "operationMetrics": metrics}
        return CommitProperties(custom_metadata=metadata, max_commit_retries=0)


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
    new = _each_once(rows)

    def change() -> int:
        held = list(_held(table, new))
        replaced = [
            each for each in (_replaced(each, new, lost_shards) for each in held) if each.rows.num_rows
        ]
        changed = with_keys(new, keys_of(each.rows for each in replaced))
        added = without_keys(new, keys_of(each.rows for each in held))
        moved = sum(_count_moved(each, new) for each in replaced)
        _write(table, author, replaced, changed=changed, added=added, moved=moved)
        if displaced is not None:
            displaced.update(_of_other_sources(replaced, new))
        return int(added.num_rows + changed.num_rows)

    return _retried(table, change, f"commit {rows.num_rows} rows to")


def add(table: DeltaCatalogueTable, parts: Sequence[pa.Table], author: Author) -> list[pa.Table]:
    """Add parts whose images are all new, and return the others; see `Catalogue.add`."""
    if not parts:
        return []
    new = _each_once(pa.concat_tables(parts))

    def change() -> list[pa.Table]:
        held = keys_of(each.rows for each in _held(table, new))
        is_new = [not pc.any(pc.is_in(part["key"], value_set=held)).as_py() for part in parts]
        fresh = [part for part, all_new in zip(parts, is_new, strict=True) if all_new]
        if fresh:
            _write(table, author, added=_each_once(pa.concat_tables(fresh)))
        return [part for part, all_new in zip(parts, is_new, strict=True) if not all_new]

    return _retried(table, change, f"add {new.num_rows} rows to")


def remove(table: DeltaCatalogueTable, rows: pa.Table, author: Author) -> int:
    """Take images out of the archive; see `Catalogue.remove`."""
    if rows.num_rows == 0:
        return 0
    gone = rows.select(["key", "shard", "row"]).sort_by("key")

    def change() -> int:
        held = [each for each in (_still(each, gone) for each in _held(table, gone)) if each.rows.num_rows]
        _write(table, author, held)
        return sum(each.rows.num_rows for each in held)

    return _retried(table, change, f"remove {rows.num_rows} images from")


def publish_all(archive: Storage, parts: Iterable[pa.Table]) -> list[NewFile]:
    """Write files of rows, some at once, so that few are held.

    Raises:
        ArchiveError: it took so long that a prune may be removing them, which no version names yet.
    """
    began = time.monotonic()
    made: list[NewFile] = []
    under_way: list[Future[NewFile]] = []
    with ThreadPoolExecutor(_WRITERS, thread_name_prefix="catalogue") as pool:
        for part in parts:
            under_way.append(pool.submit(publish, archive, part))
            if len(under_way) == _WRITERS:
                made.append(under_way.pop(0).result())
        made += [future.result() for future in under_way]
    if time.monotonic() - began >= SHORTEST_GRACE.total_seconds() / 2:
        PruneMarkReader(archive).check_committable([file.facts.path for file in made])
    return made


def _each_once(rows: pa.Table) -> pa.Table:
    """Rows in the catalogue's types, sorted by key.

    Raises:
        ValueError: a key twice.
    """
    ordered = sorted_by_key(rows.cast(CATALOGUE_SCHEMA))
    keys = ordered["key"]
    twice = keys[1:].filter(pc.equal(keys[1:], keys[:-1]))
    if len(twice):
        raise ValueError(f"Expected each key once in a commit, got {twice[0].as_py()!r} again.")
    return ordered


def _retried(table: DeltaCatalogueTable, change: Callable[[], Outcome], what: str) -> Outcome:
    """Try a change until no other writer gets in between."""
    if table.as_of is not None:
        raise ValueError(f"Expected the newest version to commit to, got version {table.as_of}.")
    for attempt in range(ATTEMPTS):
        table.refresh()
        try:
            with table.translated():
                return change()
        except CommitFailedError:
            pass  # another writer was faster: see what it wrote, and merge with that
        time.sleep(random.uniform(0.2, 1) * min(_LONGEST_PAUSE_S, 0.05 * 2**attempt))
    raise ArchiveError(
        f"Expected to {what} {table.storage.url}, got {ATTEMPTS} conflicts with other writers. Are "
        "many runs writing to this archive? Run the same command again."
    )


def _held(table: DeltaCatalogueTable, new: pa.Table) -> Iterable[Held]:
    """What the table holds of the keys of sorted rows."""
    keys = new["key"].combine_chunks()
    files = touched_by(KeyRanges.of_keys(keys.to_pylist()), table.files())
    return held_in(files, keys, table.reader_of(files))


def _replaced(held: Held, new: pa.Table, lost_shards: Collection[str]) -> Held:
    """The held rows that give way to new ones."""
    return held.only(is_replaced(held.rows, of_same_keys(held.rows, new), lost_shards))


def _still(held: Held, gone: pa.Table) -> Held:
    """The held rows that are still encoded as other rows say."""
    said = of_same_keys(held.rows, gone)
    same = (pc.equal(held.rows[name], said[name]) for name in ("shard", "row"))
    return held.only(pc.and_(*same))


def _count_moved(replaced: Held, new: pa.Table) -> int:
    """How many rows give way to those of the same encoding, which rm or repair put into another shard."""
    there = of_same_keys(replaced.rows, new)
    same = (pc.equal(replaced.rows[name], there[name]) for name in ("run", "encoded_at"))
    return int(pc.sum(pc.and_(*same), min_count=0).as_py())


def _of_other_sources(replaced: Iterable[Held], new: pa.Table) -> dict[str, str]:
    """Of rows that gave way to those of another URL: key -> their URL."""
    found: dict[str, str] = {}
    for held in replaced:
        is_other = pc.not_equal(held.rows["source_url"], of_same_keys(held.rows, new)["source_url"])
        others = held.rows.filter(is_other)
        found.update(zip(others["key"].to_pylist(), others["source_url"].to_pylist(), strict=True))
    return found


def _write(
    table: DeltaCatalogueTable,
    author: Author,
    held: Sequence[Held] = (),
    *,
    changed: pa.Table = NO_ROWS,
    added: pa.Table = NO_ROWS,
    moved: int = 0,
) -> None:
    """Make the version in which held rows are gone and others have come; none when nothing is different.

    Args:
        changed: rows that take the place of held ones.
        added: rows whose keys are new.
        moved: how many of `changed` say the same of another shard.
    """
    if not held and not added.num_rows:
        return
    files = table.files()
    removed = [each.file for each in held]
    come, apart = changed, added
    if removed and 2 * total_rows(removed) >= total_rows(files):
        removed, come, apart = list(files), pa.concat_tables([changed, added]), NO_ROWS
    names = {file.name for file in removed}
    size = rows_per_file(total_rows(files) + added.num_rows)
    old = rewritten(
        removed,
        table.reader_of(removed),
        others=[file for file in files if file.name not in names],
        gone=keys_of(each.rows for each in held),
        come=come,
        size=size,
    )
    new = publish_all(table.storage, chain(old, cut_to_size([apart], size)))
    left = sum(each.rows.num_rows for each in held) - changed.num_rows
    table.prepare(author.properties())
    table.replace(
        removed, new, author.properties(added=added.num_rows, changed=changed.num_rows - moved, removed=left)
    )
