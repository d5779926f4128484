"""Which images are to go: those of some keys, and those that match a glob."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import pyarrow as pa

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.layout import SHARDS_FOLDER
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.archive.shard_keys import shards_with
from pipeline.globs import key_matcher, literal_texts
from pipeline.store.storage import Storage

_COLUMNS: Final = ("key", "shard", "row", "payload_length", "source_sha256")


class Choice:
    """What a user named."""

    def __init__(self, keys: Collection[str], glob: str | None) -> None:
        """Take keys, a glob, or both.

        Raises:
            ConfigError: the glob cannot be one.
        """
        self.keys = frozenset(keys)
        self.glob = glob
        self._matches = None if glob is None else key_matcher(glob)

    def means(self, key: str) -> bool:
        """Whether an image of this key is to go."""
        return key in self.keys or (self._matches is not None and self._matches(key))

    def rows(self, catalogue: Catalogue) -> pa.Table:
        """The rows of the newest version that are meant, failed images included: `key`, `shard`, `row`,
        `payload_length`, `source_sha256`."""
        schema = pa.schema([CATALOGUE_SCHEMA.field(name) for name in _COLUMNS])
        batches = (batch.select(_COLUMNS).cast(schema) for batch in self._found(catalogue))
        rows = pa.Table.from_batches(batches, schema)
        places = {key: number for number, key in enumerate(rows["key"].to_pylist())}
        return rows.take(pa.array(places.values(), pa.int64()))  # a key that was named may match as well

    def shards(self, archive: Storage, catalogue: Catalogue) -> set[str]:
        """The shards of the newest version that hold an image which is meant, be it as it was before it changed."""
        current = catalogue.shards()
        sizes = {info.path: info.size for info in archive.list(SHARDS_FOLDER) if info.path in current}
        return shards_with(archive, sizes, self._ranges(), self.means)

    def _found(self, catalogue: Catalogue) -> Iterator[pa.RecordBatch]:
        if self.keys:
            yield from catalogue.of_keys(KeyRanges.of_keys(self.keys), _COLUMNS)
        if self.glob is not None:
            yield from catalogue.scan(_COLUMNS, glob=self.glob)

    def _ranges(self) -> KeyRanges:
        ranges = list(KeyRanges.of_keys(self.keys).ranges)
        if self.glob is not None:
            ranges += KeyRanges.with_prefix(literal_texts(self.glob)[0]).ranges
        return KeyRanges.united(ranges)
