"""What an interrupted run already has: units that are committed, and units whose shards only wait for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.keyed_rows import share_a_key
from pipeline.archive.layout import parse_shard_path, shards_of_run
from pipeline.archive.prune_marks import PruneMarkReader
from pipeline.archive.shards import catalogue_rows
from pipeline.archive.stored_plan import StoredPlan
from pipeline.compress.run_record import RunRecord
from pipeline.errors import DamagedError, UnreadableError
from pipeline.store.storage import Storage

_MOST_ADOPTED: Final = 32_768
"""Rows that are committed at once."""


def resume_units(
    storage: Storage,
    catalogue: Catalogue,
    log: RunRecord,
    plan: StoredPlan,
    *,
    lost_shards: Collection[str] = (),
) -> frozenset[int]:
    """Units of the plan that need no more work, after committing those that were published but not committed.

    A unit is adopted when the shards under its number hold exactly the keys it planned; a part of a unit
    is not, and its shard stays behind as an orphan that no reader sees. So does one that a prune has marked, however
    recently: it may be about to remove it, and what is referred to must stay.

    Args:
        lost_shards: as for `Commits`.
    """
    if not log.resumed:
        return frozenset()
    # a row that repair has moved lies in a shard of another run, whose numbers are not this plan's
    named = (parse_shard_path(path) for path in catalogue.shards(run=log.run))
    committed = {path.number for path in named if path.run == log.run}
    published: dict[int, list[str]] = defaultdict(list)
    for info in storage.list(shards_of_run(log.run)):
        published[parse_shard_path(info.path).number].append(info.path)
    prune_marks = PruneMarkReader(storage)
    adopted: dict[int, pa.Table] = {}
    for number, paths in sorted(published.items()):
        if number not in committed:
            marked = prune_marks.read().since  # anew for each unit: reading their shards takes its time
            unmarked = [path for path in paths if path not in marked]
            rows = _rows_of_unit(storage, unmarked, keys={image.key for image in plan.load(number)})
            if rows is None:
                continue
            held = sum(table.num_rows for table in adopted.values())
            if held >= _MOST_ADOPTED or share_a_key(rows, adopted.values()):  # two drivers have planned it
                committed |= _commit(catalogue, log.run, adopted, prune_marks, lost_shards)
                adopted = {}
            adopted[number] = rows
    return frozenset(committed | _commit(catalogue, log.run, adopted, prune_marks, lost_shards))


def _commit(
    catalogue: Catalogue,
    run: str,
    adopted: Mapping[int, pa.Table],
    prune_marks: PruneMarkReader,
    lost_shards: Collection[str],
) -> set[int]:
    """Commit units at once, those that hold changed images too; gives the numbers of those that were."""
    marked = pa.array(prune_marks.read().since, pa.string())
    sound = {
        number: rows
        for number, rows in adopted.items()
        if not pc.any(pc.is_in(rows["shard"], value_set=marked)).as_py()
    }
    changed = catalogue.add(list(sound.values()), run=run)
    if changed:
        catalogue.commit(pa.concat_tables(changed), run=run, lost_shards=lost_shards)
    return set(sound)


def _rows_of_unit(storage: Storage, paths: list[str], *, keys: set[str]) -> pa.Table | None:
    tables = []
    for path in paths:
        try:
            tables.append(catalogue_rows(storage.read(path), path))
        except (DamagedError, UnreadableError, FileNotFoundError):  # the last: a prune has just removed it
            continue
    rows = pa.concat_tables(tables) if tables else None
    if rows is None or rows.num_rows != len(keys) or set(rows["key"].to_pylist()) != keys:
        return None
    return rows
