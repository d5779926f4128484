"""Catalogue rows, one for each of some keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.errors import UnknownKeyError

_SHOWN: Final = 3


def rows_by_key(catalogue: Catalogue, keys: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """What the catalogue says of each key, in the order of the keys, which may be there twice.

    Args:
        columns: `key` among them.
    Returns:
        The columns. Where the archive has no such image, all but `key` are null.
    """
    schema = pa.schema([CATALOGUE_SCHEMA.field(name) for name in columns])
    rows = pa.Table.from_batches(catalogue.of_keys(KeyRanges.of_keys(keys), columns), schema).combine_chunks()
    wanted = pa.array(keys, pa.string())
    found = rows.take(pc.index_in(wanted, value_set=rows["key"]))
    return found.set_column(found.schema.get_field_index("key"), schema.field("key"), wanted)


def unknown_keys(unknown: Sequence[str], url: str) -> UnknownKeyError:
    """The error of keys that the archive at a URL does not hold; the first ones are named."""
    return UnknownKeyError(
        f"Expected keys of the archive at {url}, got {len(unknown):,} it does not hold, such as "
        f"{', '.join(map(repr, unknown[:_SHOWN]))}; `tenfold ls` shows what it holds."
    )
