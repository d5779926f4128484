"""Which images of an archive to decode, block by block: whatever is asked for, few rows are held at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.range_reads import EXTRAS
from pipeline.archive.rows_by_key import rows_by_key, unknown_keys
from pipeline.archive.rows_by_shard import rows_by_shard
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.decode.requests import WISH_SCHEMA, Requests, no_wishes, requests_of
from pipeline.errors import ConfigError, UnknownKeyError
from pipeline.globs import key_matcher
from pipeline.parts import parts

BLOCK_ROWS: Final = 8192
"""Rows that are planned together: some 30 MB, with all that is thought about them."""
ROW_COLUMNS: Final = (
    *("key", "source_url", "source_size", "source_sha256", "source_format"),
    *("width", "height", "mode", "bit_depth", "orientation", "status", "reason", "packing", "max_error"),
    *("codec", "quality", "payload_crc32c", "symbols_crc32", "bpp", "psnr_db", "run", "encoded_at"),
    *("shard", "row", "payload_offset", "payload_length"),
    *(f"{name}_{what}" for name in EXTRAS for what in ("offset", "length")),
    "extras_crc32c",
)
"""What is read of the catalogue: all that decoding needs, and the facts that packs tell."""
_ROW_SCHEMA: Final = pa.schema([CATALOGUE_SCHEMA.field(name) for name in ROW_COLUMNS])
SELECTED_SCHEMA: Final = pa.schema([*(field.with_nullable(True) for field in _ROW_SCHEMA), *WISH_SCHEMA])
"""A selected image: its row, all null but the key where the archive has no such image, and how it is to come."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection:
    """What a user asks for."""

    keys: Collection[str] | None = None
    """Only these; every one must be in the archive."""
    requests: Requests | None = None
    """Only these; one that is not in the archive fails, and the others come."""
    glob: str | None = None
    """Only keys that match (pipeline/globs.py)."""
    where: str | None = None
    """Only images that meet this SQL condition on the catalogue's columns."""

    def __post_init__(self) -> None:
        """See that what is said goes together.

        Raises:
            ConfigError: it does not.
        """
        named = self.keys is not None or self.requests is not None
        if (self.keys is not None and self.requests is not None) or (named and self.where is not None):
            raise ConfigError(
                "Expected images named by a list or by a condition, got both; leave one of --keys-file, --requests "
                "and --where out."
            )

    def fingerprint(self) -> dict[str, str | None]:
        """The same for all that asks for the same."""
        keys = None if self.keys is None else "\n".join(sorted(set(self.keys)))
        return {
            "keys": None
            if keys is None
            else hashlib.sha256(keys.encode("utf-8", "surrogatepass")).hexdigest(),
            "requests": None if self.requests is None else self.requests.digest,
            "glob": self.glob,
            "where": self.where,
        }


def blocks_of(catalogue: Catalogue, selection: Selection) -> Iterator[pa.Table]:
    """The images that are asked for, SELECTED_SCHEMA, the failed ones included: few of many cost what few cost.

    Requests come in their order, all else one shard after the other.

    Raises:
        UnknownKeyError: a key that is not there, or a glob that nothing matches: known when the last block has come.
        ConfigError: the glob cannot be one.
        ArchiveError: the condition is none.
    """
    if selection.requests is not None:
        yield from _requested(catalogue, selection.requests.table, selection.glob)
    elif selection.keys is not None:
        yield from _of_keys(catalogue, selection.keys, selection.glob)
    else:
        yield from _scanned(catalogue, selection)


def _scanned(catalogue: Catalogue, selection: Selection) -> Iterator[pa.Table]:
    found = catalogue.scan(ROW_COLUMNS, where=selection.where, glob=selection.glob)
    shards = (rows for _, rows in rows_by_shard(found, catalogue.count(), _ROW_SCHEMA))
    block = None
    for held in parts(shards, lambda rows: rows.num_rows, most=BLOCK_ROWS):
        block = pa.concat_tables(held)
        yield pa.Table.from_arrays([*block.columns, *no_wishes(block.num_rows)], schema=SELECTED_SCHEMA)
    if block is None and selection.glob is not None and selection.where is None:
        raise _nothing_matches(selection.glob, catalogue.count(), catalogue.url)


def _of_keys(catalogue: Catalogue, keys: Collection[str], glob: str | None) -> Iterator[pa.Table]:
    unknown: list[str] = []
    images = 0
    for block in _requested(catalogue, requests_of(keys), glob):
        is_known = pc.is_valid(block["status"])
        unknown += block.filter(pc.invert(is_known))["key"].to_pylist()
        found = block.filter(is_known).sort_by([("shard", "ascending"), ("row", "ascending")])
        images += found.num_rows
        yield found
    if unknown:
        raise unknown_keys(unknown, catalogue.url)
    if glob is not None and not images:
        raise _nothing_matches(glob, len(set(keys)), catalogue.url)


def _requested(catalogue: Catalogue, requests: pa.Table, glob: str | None) -> Iterator[pa.Table]:
    """Requests with the rows that they ask for, in their order; those of a block one shard after the other, as far as
    priority and deadline leave it open."""
    if glob is not None:
        matches = key_matcher(glob)
        requests = requests.filter(
            pa.array([matches(key) for key in requests["key"].to_pylist()], pa.bool_())
        )
    for start in range(0, requests.num_rows, BLOCK_ROWS):
        part = requests.slice(start, BLOCK_ROWS)
        rows = rows_by_key(catalogue, part["key"].to_pylist(), ROW_COLUMNS)
        wishes = (part[name] for name in WISH_SCHEMA.names)
        block = pa.Table.from_arrays([*rows.columns, *wishes], schema=SELECTED_SCHEMA)
        yield block.sort_by(
            [("priority", "descending"), *((name, "ascending") for name in ("deadline", "shard", "row"))]
        )


def _nothing_matches(glob: str, among: int, url: str) -> UnknownKeyError:
    return UnknownKeyError(
        f"Expected keys that match {glob!r} in the archive at {url}, got none of {among}; "
        "beside a `/`, `*` stays inside one folder and `**` spans folders; `tenfold ls` shows what it holds."
    )
