"""Archives to prune, made of plain rows; marks grown old; and what every kept version must still show."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from deltalake import DeltaTable

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.prune_marks import PruneMarkReader, write_mark
from pipeline.archive.schema import rows_of
from pipeline.archive.seals import seal
from pipeline.archive.shards import build_shard, catalogue_rows, publish
from pipeline.config import CompressConfig, WorkersConfig
from pipeline.prune.retention import Retention
from pipeline.prune.run import PruneRun, PruneSummary
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from pipeline.verify.run import VerifyRun
from tests.support.shard_rows import kept_row, read_rows

HERE = CompressConfig(workers=WorkersConfig(count=0))
LONG = timedelta(days=30)


def commit(storage: Storage, run: str, content: dict[str, str], *, do_seal: bool = True) -> str:
    """A run: one shard with images of these keys and contents. Returns the shard's path."""
    path = publish_only(storage, run, content)
    catalogue = Catalogue(storage)
    catalogue.commit(catalogue_rows(storage.read(path), path), run=run)
    if do_seal:
        seal(storage, catalogue.version())
    return path


def publish_only(storage: Storage, run: str, content: dict[str, str]) -> str:
    """What a killed run leaves: a shard that no version refers to."""
    rows = [
        kept_row(key, f"{key} {value}".encode(), source_etag=value, run=run) for key, value in content.items()
    ]
    return publish(storage, build_shard(rows, metadata={"run": run}), run, 0)


def new_archive(url: Path | str) -> Storage:
    """An empty one."""
    storage = Storage(url)
    Catalogue(storage).create()
    return storage


def prune(storage: Storage, keep: int | None = None, **more: timedelta) -> PruneSummary:
    """`tenfold prune --apply`."""
    return PruneRun(storage, Retention(keep_versions=keep, **more)).apply()


def dry(storage: Storage, keep: int | None = None, **more: timedelta) -> PruneSummary:
    """`tenfold prune`."""
    return PruneRun(storage, Retention(keep_versions=keep, **more)).plan()


def age_marks(storage: Storage, by: timedelta = LONG) -> None:
    """Let time pass: every mark becomes older."""
    for mark in PruneMarkReader(storage).read().sound:
        write_mark(storage, mark.paths, mark.marked_at - by)
        storage.delete(mark.path)


def content_of(storage: Storage, version: int | None = None) -> dict[str, str]:
    """Key -> what its payload says, every shard read and checked."""
    found: dict[str, str] = {}
    catalogue = Catalogue(storage, as_of=version)
    for batch in catalogue.scan():
        for row in rows_of(batch, CatalogueRow):
            (stored,) = (held for held in read_rows(storage, row.shard) if held.key == row.key)
            found[row.key] = (stored.payload or b"").decode().removeprefix(f"{row.key} ")
    return found


def tree(folder: Path | str, *, without: Iterable[str] = ()) -> dict[str, str]:
    """Every file and its SHA-256."""
    top = Path(folder)
    return {
        str(path.relative_to(top)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(top.rglob("*"))
        if path.is_file() and path.relative_to(top).parts[0] not in without
    }


def shards_of(storage: Storage) -> set[str]:
    """All shards that lie there."""
    return {info.path for info in storage.list("shards")}


def check_sound(storage: Storage) -> None:
    seen = VerifyRun(storage, HERE).run()
    assert seen.sound, seen.problems


def pruned(storage: Storage, keep: int | None = None) -> None:
    """Both phases, the grace period between them."""
    prune(storage, keep)
    age_marks(storage)
    prune(storage, keep)


def log_of(storage: Storage) -> list[str]:
    return [info.path for info in storage.list("catalogue/_delta_log")]


def many_things(storage: Storage, *, runs: int = 14) -> None:
    """Something of every kind is due: orphans, old shards, old entries, a checkpoint, a failed commit's file."""
    for number in range(runs):
        commit(storage, f"run-{number}", {"a": str(number), f"k{number % 3}": str(number)})
        if number == 2 and runs < 10:  # ahead of deltalake, which makes one at every tenth version
            DeltaTable(f"{storage.url}/catalogue").create_checkpoint()
    publish_only(storage, "orphan", {"c": "1"})
    storage.write("catalogue/part-00000-of-a-commit-that-failed.parquet", b"PAR1")
    prune(storage, 3)
    age_marks(storage)
