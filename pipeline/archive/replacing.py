"""Which rows of the catalogue are there already, and which of them a new row takes the place of."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.data_files import DataFile, Read, batches_in

_COMPARED = (
    *("key", "source_url", "source_size", "source_etag", "source_mtime", "source_sha256"),
    *("status", "damaged", "run", "encoded_at", "shard", "row"),
    *("importance", "importance_version", "words", "words_version"),
)
_VERSIONS = (
    *("source_size", "source_etag", "source_sha256"),
    *("importance", "importance_version", "words", "words_version"),
)
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""At most, among machines that write to one archive: what is later than now by more was made by a clock that was
wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Rows of one file that have keys of new rows."""

    file: DataFile
    rows: pa.Table
    """The columns by which it is decided what replaces them."""

    def only(self, mask: pa.ChunkedArray) -> Held:
        """Some of the rows."""
        return replace(self, rows=self.rows.filter(mask))


def held_in(files: Collection[DataFile], keys: pa.Array, read: Read) -> Iterator[Held]:
    """What files hold of some keys, one file after the other; none for a file without any."""
    for file in files:
        found = [
            batch.filter(pc.is_in(batch["key"], value_set=keys))
            for batch in batches_in(read(file), _COMPARED)
        ]
        if any(map(len, found)):
            yield Held(file=file, rows=pa.Table.from_batches(found))


def is_replaced(held: pa.Table, new: pa.Table, lost_shards: Collection[str]) -> pa.ChunkedArray:
    """Whether each held row gives way to the new one of its key; see `Catalogue.commit`.

    A row that comes from another version of the source, or of its importance map or its words, takes the place, if it
    could be read and is not older: an older one comes from a killed run that is resumed after another run has encoded
    the image. A held row from the future, whose machine had a clock that was ahead, makes none older: else no change
    would come in until then. A damaged file takes the place of no sound image. A failed row is replaced by whatever
    came of trying again, not by a second driver of its run.
    """
    could_be_read = pc.not_equal(new["status"], "failed")
    has_failed = pc.equal(held["status"], "failed")
    is_from_the_future = pc.greater(held["encoded_at"], pa.scalar(datetime.now(UTC) + _CLOCKS_DIFFER))
    is_later = pc.greater_equal(new["encoded_at"], held["encoded_at"])
    is_not_older = _and(could_be_read, _or(is_later, is_from_the_future))
    is_other_time = _and(pc.is_null(new["source_etag"]), _differ(held, new, "source_mtime"))
    is_other_version = _or(*(_differ(held, new, name) for name in _VERSIONS), is_other_time)
    spares_sound = _or(pc.invert(_is_true(new["damaged"])), has_failed, _is_true(held["damaged"]))
    was_retried = _and(has_failed, _or(could_be_read, pc.not_equal(held["run"], new["run"])))
    is_lost = pc.is_in(held["shard"], value_set=pa.array(sorted(lost_shards), pa.string()))
    return _or(_and(is_not_older, is_other_version, spares_sound), was_retried, is_lost)


def of_same_keys(held: pa.Table, rows: pa.Table) -> pa.Table:
    """The rows of the keys of held ones, in their order; all of them are there."""
    return rows.take(pc.index_in(held["key"], value_set=rows["key"].combine_chunks()))


def _differ(one: pa.Table, other: pa.Table, name: str) -> pa.ChunkedArray:
    """Whether values differ; two nulls do not."""
    is_other = pc.fill_null(pc.not_equal(one[name], other[name]), True)
    return _and(is_other, pc.invert(_and(pc.is_null(one[name]), pc.is_null(other[name]))))


def _is_true(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(column, False)


def _and(first: pa.ChunkedArray, *others: pa.ChunkedArray) -> pa.ChunkedArray:
    for other in others:
        first = pc.and_(_is_true(first), _is_true(other))
    return first


def _or(first: pa.ChunkedArray, *others: pa.ChunkedArray) -> pa.ChunkedArray:
    for other in others:
        first = pc.or_(_is_true(first), _is_true(other))
    return first
