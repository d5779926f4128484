"""Archives of any size in seconds: a true catalogue and whole shards, but of images that were never seen.

The catalogue is written as a run writes it, and its columns differ from row to row as those of photographs do, so
that they compress alike. All shards are copies of the first, whose first images can be decoded: `verify --level
structure` finds the archive sound, and no deeper look does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

import google_crc32c
import numpy as np
import pyarrow as pa

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import shard_path
from pipeline.archive.seals import seal
from pipeline.archive.shards import Shard, build_shard
from pipeline.bench.photographs import Photographs
from pipeline.compress.commits import Commits
from pipeline.events import ignore
from pipeline.store.storage import Storage
from pipeline.types import ShardRow

PER_COMMIT: Final = 2048
"""Rows of a commit, and of a shard: as many as a run of small images commits at once."""
DECODABLE: Final = 2
"""The first so many images are kept files; the others claim to be coded."""
_RUN: Final = "20260101T000000-bench0"
_MOMENT: Final = datetime(2026, 1, 2, tzinfo=UTC)
_PAYLOAD: Final = 500


@dataclass(frozen=True, kw_only=True)
class SyntheticArchive:
    """An archive of the photographs that a source lists."""

    storage: Storage
    photographs: Photographs
    source_url: str
    has_etags: bool
    """Whether the source knows ETags: a folder does not."""

    def write(self, *, per_commit: int = PER_COMMIT) -> None:
        """Make it as a run does: a shard, a commit, and so on."""
        Catalogue(self.storage).create()
        count = len(self.photographs)
        with self._committing(_RUN) as commits:
            for number, start in enumerate(range(0, count, per_commit)):
                path = shard_path(_RUN, number, self._shard.sha256)
                self.storage.write(path, self._shard.data)
                commits.add(self._rows(range(start, min(count, start + per_commit)), path))
                commits.commit()

    def published(self, numbers: Sequence[int], *, changes: str) -> pa.Table:
        """Rows that a later run would commit, their shard written.

        Args:
            changes: where it is `files`, they are photographs of the archive, each with another file; else new ones
                beside these, with names that it ends.
        """
        run = f"20260201T000000-{sha256(f'{changes}{numbers[0]}'.encode()).hexdigest()[:6]}"
        path = shard_path(run, 0, self._shard.sha256)
        self.storage.write(path, self._shard.data)
        return self._rows(numbers, path, ending="" if changes == "files" else changes, run=run)

    def commit(self, rows: pa.Table) -> None:
        """Commit published rows as their run does."""
        with self._committing(rows["run"][0].as_py()) as commits:
            commits.add(rows)
            commits.commit()

    @contextmanager
    def _committing(self, run: str) -> Iterator[Commits]:
        """What a run does with the rows of its units, and at its end."""
        catalogue = Catalogue(self.storage)
        yield Commits(self.storage, catalogue, run=run, lost_shards=(), every_s=0, listen=ignore)
        catalogue.settle(run=run)
        seal(self.storage, catalogue.version())

    @cached_property
    def _shard(self) -> Shard:
        chance = np.random.default_rng(0)
        count = min(PER_COMMIT, len(self.photographs))
        rows = [_row(self.photographs[number], number, chance.bytes(_PAYLOAD)) for number in range(count)]
        return build_shard(rows, metadata={})

    def _rows(self, numbers: Sequence[int], path: str, *, ending: str = "", run: str = _RUN) -> pa.Table:
        """What the catalogue says of photographs whose payloads lie in a shard."""
        facts = [self.photographs.facts(number) for number in numbers]
        keys = [self.photographs[number] + ending for number in numbers]
        chance = np.random.default_rng(numbers[0])
        later = 0 if run == _RUN else 1
        count = len(numbers)
        return _replaced(
            self._shard.named(path).slice(0, count),
            key=keys,
            source_url=[f"{self.source_url}/{key}" for key in keys],
            source_size=[one.size + later for one in facts],
            source_etag=[one.etag[later:] if self.has_etags else None for one in facts],
            source_mtime=[one.mtime for one in facts],
            source_sha256=_digests(chance, count),
            symbols_crc32=chance.integers(2**32, size=count),
            bpp=chance.gamma(4.0, 0.2, count),
            psnr_db=chance.normal(34.0, 2.0, count),
            ms_ssim=chance.beta(60.0, 1.0, count),
            zip_bytes=chance.integers(200_000, 800_000, count),
            zip_source_bytes=[one.size - 500 for one in facts],
            run=[run] * count,
            encoded_at=[_MOMENT.replace(month=2 if later else 1)] * count,
        )


def _row(key: str, number: int, payload: bytes) -> ShardRow:
    is_kept = number < DECODABLE
    return ShardRow(
        key=key,
        source_url=key,
        source_sha256=sha256(payload).hexdigest(),
        source_format="JPEG",
        width=640,
        height=480,
        mode="RGB",
        bit_depth=8,
        status="kept" if is_kept else "coded",
        reason="the coded payload is not smaller than the file" if is_kept else None,
        codec=None if is_kept else "hyper-1",
        weights=None if is_kept else "0123456789abcdef",
        quality=None if is_kept else 34,
        latent_shape=None if is_kept else (192, 30, 40),
        payload=payload,
        payload_crc32c=google_crc32c.value(payload),
        run=_RUN,
        encoded_at=_MOMENT,
    )


def _digests(chance: np.random.Generator, count: int) -> list[str]:
    digits = chance.bytes(32 * count).hex()
    return [digits[start : start + 64] for start in range(0, len(digits), 64)]


def _replaced(table: pa.Table, **columns: Any) -> pa.Table:
    for name, values in columns.items():
        position = table.schema.get_field_index(name)
        field = table.schema.field(position)
        table = table.set_column(position, field, pa.array(values, field.type))
    return table
