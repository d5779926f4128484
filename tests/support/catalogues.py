"""Catalogues to commit to, and what is committed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.schema import rows_of
from pipeline.archive.shards import build_shard
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, ShardRow
from tests.support.shard_rows import make_row


def table_of(*rows: ShardRow, shard: str = "shards/run-1/000000-0123456789abcdef.parquet") -> pa.Table:
    return build_shard(rows, metadata={}).named(shard)


def catalogue_row(key: str, **changes: Any) -> CatalogueRow:
    """What the catalogue says of an image that is alone in its shard."""
    (row,) = rows_of(table_of(make_row(key, **changes), shard=f"shards/run-1/{key}.parquet"), CatalogueRow)
    return row


def opened(folder: Path | str) -> Catalogue:
    catalogue = Catalogue(Storage(str(folder)))
    catalogue.create()
    return catalogue
