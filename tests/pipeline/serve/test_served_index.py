"""What is served is read by a process that ends, and read again when something was committed, and only then."""

from __future__ import annotations

import os
import shutil
from multiprocessing import active_children
from pathlib import Path

import pytest

from pipeline.archive import key_index
from pipeline.archive.versions import AsOf
from pipeline.errors import ArchiveError, NoArchiveError
from pipeline.serve import served_index
from pipeline.serve.catalogue_process import ReadVersion, read_version, version_of
from pipeline.serve.served_index import ServedIndex
from pipeline.store.storage import Storage
from tests.support.image_archives import fill
from tests.support.shard_rows import kept_row


def test_a_process_reads_it_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = fill(str(tmp_path / "archive"), [kept_row("a.png")])
    assert ServedIndex(Storage(archive)).find("a.png") is not None
    with pytest.raises(NoArchiveError, match="got an empty folder or none"):
        ServedIndex(Storage(str(tmp_path / "none")))
    monkeypatch.setattr(Storage, "__reduce__", lambda _: (os._exit, (3,)))  # who is sent one dies of it
    with pytest.raises(ArchiveError, match="a process that ended with status 3 instead"):
        read_version(Storage(archive), None)
    assert "tenfold catalogue" not in [one.name for one in active_children()]


@pytest.mark.parametrize("few", [0, 100], ids=["mapped", "in memory"])
def test_it_is_read_again_when_something_was_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    read: list[int] = []

    def counted(archive: Storage, as_of: AsOf | None) -> ReadVersion:
        version = version_of(archive, as_of)
        read.append(version.version)
        return version

    monkeypatch.setattr(served_index, "read_version", counted)
    monkeypatch.setattr(key_index, "_ROWS_PER_LOOKUP", few)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    archive = Storage(fill(str(tmp_path / "archive"), [kept_row("a.png")]))
    index, past = ServedIndex(archive), ServedIndex(archive, as_of=1)
    assert not index.refresh()
    assert len(read) == 2

    fill(archive.url, [kept_row("b.png")], number=1)
    assert index.refresh()
    assert not past.refresh()
    assert [one.find("b.png") is not None for one in (index, past)] == [True, False]

    shutil.rmtree(archive.url)
    for number, key in enumerate(("c.png", "d.png")):
        fill(archive.url, [kept_row(key)], number=number)
    assert index.refresh(), "another archive in its place"
    assert [index.find(key) is not None for key in ("b.png", "d.png")] == [False, True]


@pytest.mark.parametrize("times", [1, 2])
def test_an_index_file_that_somebody_takes_away_is_made_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    cache = tmp_path / "cache"
    left = iter(range(times))

    def taken_away(archive: Storage, as_of: AsOf | None) -> ReadVersion:
        version = version_of(archive, as_of)
        if next(left, None) is not None:
            shutil.rmtree(cache)
        return version

    monkeypatch.setattr(served_index, "read_version", taken_away)
    monkeypatch.setattr(key_index, "_ROWS_PER_LOOKUP", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    archive = Storage(fill(str(tmp_path / "archive"), [kept_row("a.png")]))
    if times == 1:
        assert ServedIndex(archive).find("a.png") is not None
    else:
        with pytest.raises(ArchiveError, match="something removes files there"):
            ServedIndex(archive)
