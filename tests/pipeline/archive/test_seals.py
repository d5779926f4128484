"""The checksums of the catalogue's files: read once, and few however many runs there were."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import SEALS_FOLDER
from pipeline.archive.seals import SealReader, damaged, read_seals, seal
from pipeline.store.storage import Storage
from tests.support.catalogues import opened, table_of
from tests.support.shard_rows import make_row


def sealed_often(folder: Path, *, commits: int) -> Storage:
    """An archive of so many commits, each sealed by the run that made it."""
    catalogue, storage = opened(folder), Storage(str(folder))
    for number in range(commits):
        catalogue.commit(table_of(make_row(f"{number}.png")), run=str(number))
        seal(storage, catalogue.version())
    return storage


def test_seals_that_became_many_are_one_that_says_the_same(tmp_path: Path) -> None:
    archive = sealed_often(tmp_path, commits=18)
    sealed = read_seals(archive)
    assert len(sealed.seals) == 2
    assert sealed.version == Catalogue(archive).version()
    assert not list(damaged(archive, sealed))
    named = {info.path for info in archive.list("catalogue") if info.path.endswith(("json", "parquet"))}
    assert named <= sealed.files.keys()


def test_none_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = sealed_often(tmp_path, commits=1)
    reader = SealReader(archive)
    before = reader.read()
    monkeypatch.setattr(archive, "read", lambda path: pytest.fail(f"read {path}"))
    assert reader.read() == before


def test_one_whose_bytes_are_others_is_named(tmp_path: Path) -> None:
    archive = sealed_often(tmp_path, commits=1)
    path = next(info.path for info in archive.list(SEALS_FOLDER))
    archive.write(path, archive.read(path)[:-1] + b" ")
    sealed = read_seals(archive)
    assert (sealed.broken, path in sealed.seals) == ((path,), False)
