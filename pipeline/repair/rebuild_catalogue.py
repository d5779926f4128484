"""A lost catalogue, made again from the shards: they hold every row that was ever committed, and some that never were.

Of every image the row is taken that the commits would have left: the newest with a payload, else the newest. What only
the catalogue knew is gone: past versions, and that a nightly run had dropped an image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import CATALOGUE_FOLDER, SEALS_FOLDER, SHARDS_FOLDER, is_shard_path
from pipeline.archive.remains import rows_that_remain
from pipeline.archive.seals import seal
from pipeline.archive.set_aside import SetAsideFolder, remove, unfinished, unmark
from pipeline.config import CompressConfig
from pipeline.errors import ArchiveError
from pipeline.repair.rebuild_worker import RebuildSpec, RebuildTask
from pipeline.repair.summary import dealt_with
from pipeline.store.backend import ObjectInfo
from pipeline.store.storage import Storage
from pipeline.verify.damage import Problem
from pipeline.workers.pool import Died
from pipeline.workers.retry import work_through
from pipeline.workers.start import is_work_for_here, start_pool
from pipeline.workers.workload import Workload

_ROWS_PER_COMMIT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShardRows:
    """What the shards of an archive say, all together."""

    rows: pa.Table
    """CATALOGUE_SCHEMA, each key once, sorted by key."""
    shards: int
    """That could be read."""
    unreadable: tuple[Problem, ...]
    """Shards that could not be, and objects that are no shards."""
    unknown: tuple[str, ...]
    """Shards among them of which nothing is known: what only they held is gone without a name."""


def rows_in_shards(archive: Storage, config: CompressConfig, on_shard: Callable[[int], None]) -> ShardRows:
    """Read every shard.

    What the lost catalogue still says of shards that are damaged or missing is taken too: their images can be salvaged,
    or encoded again. It is believed for nothing else.

    Args:
        on_shard: told of the number of rows whenever a shard was read.
    Raises:
        ArchiveError: no shard can be read, so nothing can be rebuilt.
        NewerFormatError: a shard was written by a release that is too new.
        StorageError: the store does not answer.
    """
    unreadable: dict[str, str] = {}
    strange: dict[str, str] = {}
    tables: list[pa.Table] = []
    spec = RebuildSpec(archive_url=archive.url, storage=config.storage)
    shards = list(_shards(archive, strange))
    workload = Workload.of_shards(sum(shard.size for shard in shards))
    is_here = is_work_for_here(spec, config.workers, workload)
    tasks = [RebuildTask(shard=shard.path) for shard in shards]
    with closing(start_pool(spec, config.workers, is_here=is_here)) as pool:
        for outcome in work_through(pool, tasks, lambda _: ()):
            if isinstance(outcome, Died):
                unreadable[outcome.task.shard] = f"Its worker died each time: {outcome.reason}"
            elif outcome is not None and outcome.result.rows is None:
                unreadable[outcome.task.shard] = outcome.result.damage
            elif outcome is not None:
                tables.append(outcome.result.rows)
                on_shard(outcome.result.rows.num_rows)
    read = {table["shard"][0].as_py() for table in tables}
    from_others = _rows_of_others(archive, read)
    if not sum(table.num_rows for table in (*tables, *from_others)):
        raise ArchiveError(
            f"Expected shards to rebuild the catalogue of {archive.url} from, got {len(unreadable)} that cannot be "
            "read and no other. Nothing was changed: bring back shards/ or catalogue/ from a copy."
        )
    named = {name for table in from_others for name in pc.unique(table["shard"]).to_pylist()}
    problems = sorted({**unreadable, **strange}.items())
    return ShardRows(
        rows=newest(pa.concat_tables([*tables, *from_others])),
        shards=len(tables),
        unreadable=tuple(Problem(path=path, key=None, problem=why) for path, why in problems),
        unknown=tuple(sorted(unreadable.keys() - named - dealt_with(archive))),
    )


def newest(rows: pa.Table) -> pa.Table:
    """Of every key the row that the commits would have left, sorted by key."""
    order = pa.table(
        {
            "key": rows["key"],
            "stored": pc.not_equal(rows["status"], "failed").cast("int8"),
            "sound": pc.invert(pc.fill_null(rows["damaged"], False)).cast("int8"),
            **{name: rows[name] for name in ("encoded_at", "run", "shard")},
        }
    )
    sorted_rows = pc.sort_indices(order, [(name, "ascending") for name in order.schema.names])
    keys = rows["key"].take(sorted_rows).combine_chunks()
    is_last = pa.concat_arrays([pc.not_equal(keys[:-1], keys[1:]), pa.array([True])])
    return rows.take(sorted_rows.filter(is_last))


def replace_catalogue(archive: Storage, rows: pa.Table, set_aside: SetAsideFolder, *, run: str) -> Catalogue:
    """Put the old catalogue and its seals aside, and make one of these rows.

    Killed before the marker is there, nothing has changed; after it, whatever there is counts as half a catalogue, and
    the next repair begins again from the shards.
    """
    old = [info.path for info in archive.list(CATALOGUE_FOLDER)]
    seals = [info.path for info in archive.list(SEALS_FOLDER)]
    copied = set_aside.copy([*old, *seals])
    set_aside.mark()
    remove(archive, copied)
    catalogue = Catalogue(archive)
    catalogue.create(replaces_lost=True)
    for start in range(0, rows.num_rows, _ROWS_PER_COMMIT):
        catalogue.commit(
            rows.slice(start, _ROWS_PER_COMMIT), run=run, info={"tenfold.rebuilt": set_aside.folder}
        )
    if (count := catalogue.count()) != rows.num_rows:
        raise ArchiveError(
            f"Expected {rows.num_rows:,} images in the rebuilt catalogue of {archive.url}, got {count:,}: is a run "
            "writing to the archive? Let it end, then run the same command again."
        )
    seal(archive, catalogue.version())
    unmark(archive)
    return catalogue


def _shards(archive: Storage, strange: dict[str, str]) -> Iterator[ObjectInfo]:
    for info in archive.list(SHARDS_FOLDER):
        if is_shard_path(info.path):
            yield info
        else:
            strange[info.path] = (
                "No shard has such a name: something else was put among them. It was left there."
            )


def _rows_of_others(archive: Storage, read: set[str]) -> list[pa.Table]:
    """What the lost catalogue, or what a killed repair put aside of it, says of shards that could not be read."""
    tables: list[pa.Table] = []
    for folder in ("", *(f"/{folder}" for folder in unfinished(archive))):
        rows = rows_that_remain(Storage(f"{archive.url}{folder}", archive.options))
        tables.append(rows.filter(pc.invert(pc.is_in(rows["shard"], pa.array(sorted(read), pa.string())))))
    return tables
