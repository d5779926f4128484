"""Catalogues to commit to, and what is committed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.shards import build_shard
from pipeline.store.storage import Storage
from pipeline.types import ShardRow


def table_of(*rows: ShardRow, shard: str = "shards/run-1/000000-0123456789abcdef.parquet") -> pa.Table:
    return build_shard(rows, metadata={}).named(shard)


def opened(folder: Path | str) -> Catalogue:
    catalogue = Catalogue(Storage(str(folder)))
    catalogue.create()
    return catalogue
