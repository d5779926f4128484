"""Lost images, and those whose shard is there again: restored from a copy, or on a disk that was not mounted."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import is_shard_path
from pipeline.archive.lost_reason import LOST_SHARD
from pipeline.archive.shards import catalogue_rows
from pipeline.errors import DamagedError
from pipeline.repair.summary import LostImage
from pipeline.store.storage import Storage

_COLUMNS = ("key", "reason", LOST_SHARD)


def lost_in_catalogue(catalogue: Catalogue) -> list[LostImage]:
    """Every image that is lost, sorted by key."""
    return lost_in_rows(catalogue.failed(_COLUMNS))


def lost_in_rows(batches: Iterable[pa.RecordBatch]) -> list[LostImage]:
    """The lost images among rows of the catalogue."""
    of_lost = (batch.filter(pc.is_valid(batch[LOST_SHARD])).select(_COLUMNS) for batch in batches)
    return [LostImage(**row) for batch in of_lost for row in batch.to_pylist()]


def returned_rows(archive: Storage, lost_images: Iterable[LostImage]) -> Iterator[pa.Table]:
    """Rows of lost images that a sound shard holds after all, CATALOGUE_SCHEMA; a table for each shard."""
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for image in lost_images:
        if is_shard_path(image.lost_shard):
            keys[image.lost_shard].append(image.key)
    for shard, wanted in sorted(keys.items()):
        with contextlib.suppress(FileNotFoundError, DamagedError):
            rows = catalogue_rows(archive.read(shard), shard)
            is_stored = pc.not_equal(rows["status"], "failed")
            found = rows.filter(pc.and_(pc.is_in(rows["key"], pa.array(wanted)), is_stored))
            if found.num_rows:
                yield found
