"""The images that a dataset is made of, as the catalogue tells of them: all that reading and decoding them needs.

They are asked for once, where the dataset is opened. Processes that come of it by fork share the memory, others are
handed a copy: none of them opens the catalogue, which does not outlive a fork.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.rows_by_key import rows_by_key, unknown_keys
from pipeline.archive.schema import CATALOGUE_SCHEMA, rows_of
from pipeline.errors import ArchiveError, ConfigError
from pipeline.types import CatalogueRow

_REPEATED: Final = ("status", "source_format", "mode", "packing", "codec", "weights", "shard")
"""Columns of few values, each held once."""
_NEEDED: Final = (
    "key",
    "source_url",
    "source_size",
    "source_sha256",
    "width",
    "height",
    "orientation",
    "reason",
    "symbols_crc32",
    "payload_crc32c",
    "payload_offset",
    "payload_length",
    "row",
    *_REPEATED,
)
_MOST_NAMED: Final = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class SelectedRows:
    """Images by number."""

    table: pa.Table
    """What is needed of the catalogue, and what the user asked for of it."""
    facts: tuple[str, ...]
    """The columns that the user asked for."""
    left_out: pa.Table
    """`key`, `status` and `reason` of the images that were asked for and cannot be given."""

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def rows(self, numbers: Sequence[int]) -> list[CatalogueRow]:
        """What is known of some images: the columns that nothing here needs are None."""
        return rows_of(self.table.select(_NEEDED).take(pa.array(numbers, pa.int64())), CatalogueRow)

    def facts_of(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """What the user asked for of some images."""
        places = pa.array(numbers, pa.int64())
        columns = {name: self.table[name].take(places).to_pylist() for name in self.facts}
        return [{name: values[at] for name, values in columns.items()} for at in range(len(numbers))]

    def only(self, first: int, last: int) -> SelectedRows:
        """Those from one number up to another."""
        # A slice would be pickled with all that it was cut from.
        table = self.table.take(np.arange(first, last))
        return SelectedRows(table=table, facts=self.facts, left_out=self.left_out.slice(0, 0))

    def numbers(self, column: str) -> npt.NDArray[np.int64]:
        """A column of whole numbers, 0 where nothing is said."""
        found: npt.NDArray[np.int64] = pc.fill_null(self.table[column], 0).to_numpy()
        return found

    @cached_property
    def shards(self) -> npt.NDArray[np.int64]:
        """The number of each image's shard, in the order of their names."""
        found = self.table["shard"].combine_chunks()
        by_name = np.argsort(np.argsort(np.array(found.dictionary.to_pylist(), object)))
        numbers: npt.NDArray[np.int64] = by_name[found.indices.to_numpy()]
        return numbers

    @cached_property
    def fingerprint(self) -> str:
        """Of which images these are, as they are encoded, and of their order."""
        found = 0
        for numbers in (self.numbers("payload_crc32c"), self.numbers("payload_offset"), self.shards):
            found = zlib.crc32(numbers.tobytes(), found)
        return f"{found:08x}"


def select_rows(
    catalogue: Catalogue,
    *,
    keys: Sequence[str] | None,
    where: str | None,
    facts: Sequence[str],
    only_coded: bool,
    leaves_out: bool,
) -> SelectedRows:
    """Ask a catalogue for images: those of `keys` in their order, else those that meet a condition, sorted by key.

    Args:
        keys: None for all that `where` leaves.
        where: an SQL condition on the columns; None for all.
        facts: further columns.
        only_coded: whether images without latents cannot be given.
        leaves_out: whether images that cannot be given are left out; else they are an error.
    Raises:
        ConfigError: both keys and a condition, or there is no such column.
        UnknownKeyError: a key that the archive does not hold.
        ArchiveError: an image that cannot be given.
    """
    if keys is not None and where is not None:
        raise ConfigError("Expected `keys` or `where`, got both.")
    unknown = [name for name in facts if name not in CATALOGUE_SCHEMA.names]
    if unknown:
        raise ConfigError(
            f"Expected columns of the catalogue, got {', '.join(unknown)}; "
            f"there are {', '.join(CATALOGUE_SCHEMA.names)}."
        )
    columns = list(dict.fromkeys((*_NEEDED, *facts)))
    found = catalogue.table(columns, where=where) if keys is None else _of_keys(catalogue, keys, columns)
    has_item = _has_latents(found) if only_coded else _has_picture(found)
    left_out = found.filter(pc.invert(has_item)).select(["key", "status", "reason"])
    if only_coded:
        _check_one_model(found.filter(has_item), catalogue.url)
    if len(left_out) and not leaves_out:
        raise ArchiveError(
            _without_item(left_out, catalogue.url, what="latents" if only_coded else "a picture")
        )
    kept = found.filter(has_item).combine_chunks()
    for name in _REPEATED:
        column = kept[name].dictionary_encode().combine_chunks()
        kept = kept.set_column(kept.schema.get_field_index(name), name, column)
    return SelectedRows(table=kept, facts=tuple(facts), left_out=left_out)


def _of_keys(catalogue: Catalogue, keys: Sequence[str], columns: Sequence[str]) -> pa.Table:
    found = rows_by_key(catalogue, keys, columns)
    unknown = found.filter(pc.is_null(found["status"]))["key"].to_pylist()
    if unknown:
        raise unknown_keys(unknown, catalogue.url)
    return found


def _has_latents(rows: pa.Table) -> pa.ChunkedArray:
    return pc.equal(rows["status"], "coded")


def _has_picture(rows: pa.Table) -> pa.ChunkedArray:
    """Neither failed, nor kept without being in any known format."""
    is_other_file = pc.and_(pc.equal(rows["status"], "kept"), pc.is_null(rows["source_format"]))
    return pc.invert(pc.or_(pc.equal(rows["status"], "failed"), is_other_file))


def _check_one_model(rows: pa.Table, url: str) -> None:
    """Refuse latents that have nothing in common: each weights file gives them another meaning."""
    models = rows.select(["codec", "weights"]).group_by(["codec", "weights"]).aggregate([]).to_pylist()
    named = sorted(
        f"codec = '{one['codec']}' AND weights = '{one['weights']}'" for one in models if one["weights"]
    )
    if len({one["codec"] for one in models}) > 1 or len(named) > 1:
        raise ConfigError(
            f"Expected latents that one model made, got those of several in the archive at {url}: channels do not mean "
            f"the same. Choose one with `where`: {'; or '.join(named)}."
        )


def _without_item(left_out: pa.Table, url: str, *, what: str) -> str:
    named = ", ".join(
        f"{row['key']!r} ({row['status']}: {row['reason']})"
        for row in left_out.slice(0, _MOST_NAMED).to_pylist()
    )
    return (
        f"Expected {what} of every image asked for, got {len(left_out)} in the archive at {url} without, such as "
        f"{named}. Say which images you want with `where`, or on_error='skip' to leave these out."
    )
