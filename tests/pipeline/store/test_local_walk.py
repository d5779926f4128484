"""Walking a folder: links end, what cannot be listed is told, and one odd file is no reason to lose the rest."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.store.backend import Notice, ObjectInfo, Oddity
from pipeline.store.storage import Storage


def files(
    root: Path, notice: Notice | None = None, *, exclude: tuple[str, ...] = ()
) -> dict[str, ObjectInfo]:
    listed = list(Storage(root).list(exclude=exclude, notice=notice))
    assert [info.path for info in listed] == sorted(info.path for info in listed)
    return {info.path: info for info in listed}


def make(root: Path, *names: str) -> None:
    for name in names:
        Storage(root).write(name, b"x")


@pytest.mark.parametrize("folders", [6, 12])
def test_folders_that_link_to_each_other(tmp_path: Path, folders: int) -> None:
    for one in range(folders):
        make(tmp_path, f"{one:02}/file.png")
        for other in range(folders):
            if other != one:
                (tmp_path / f"{one:02}" / f"to-{other:02}").symlink_to(tmp_path / f"{other:02}")
    listed = files(tmp_path)
    own = {path for path, info in listed.items() if info.same_as is None}
    assert own == {f"{one:02}/file.png" for one in range(folders)}
    assert len(listed) <= 2 * folders
    assert all(info.same_as in own for info in listed.values() if info.same_as is not None)


def test_what_lies_elsewhere_has_one_first_name(tmp_path: Path) -> None:
    root = tmp_path / "root"
    make(tmp_path, "elsewhere/deep/x", "elsewhere/y", "lone", "root/real/z")
    for link, target in {
        "a-deep": "elsewhere/deep",
        "b-y": "elsewhere/y",
        "c": "elsewhere",
        "d": "elsewhere",
        "e": "lone",
        "f": "lone",
        "g": "root/real/z",
        "h": "elsewhere/y",
        "loop": "root",
    }.items():
        (root / link).symlink_to(tmp_path / target)
    assert {path: info.same_as for path, info in files(root).items()} == {
        "a-deep/x": None,
        "b-y": None,
        "c/deep/x": "a-deep/x",
        "c/y": "b-y",
        "d/y": "b-y",
        "e": None,
        "f": "e",
        "g": "real/z",
        "h": "b-y",
        "real/z": None,
    }


def test_a_link_into_what_is_left_out(tmp_path: Path) -> None:
    make(tmp_path, "archive/shards/1", "a/x")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "archive" / "shards")
    (tmp_path / "file").symlink_to(tmp_path / "archive" / "shards" / "1")
    assert set(files(tmp_path, exclude=("archive",))) == {"a/x"}


def test_what_is_odd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/x", "closed/y", "c/z")
    (tmp_path / "nowhere.png").symlink_to("gone.png")
    os.mkfifo(tmp_path / "pipe.png")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("/closed"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    oddities: list[Oddity] = []
    listed = files(tmp_path, oddities.append)
    assert set(listed) == {"a/x", "c/z", "nowhere.png"}
    assert listed["nowhere.png"].etag == "a link to gone.png", "while it leads there, it is the same object"
    assert {odd.path: odd.kind for odd in oddities} == {
        "closed": "closed",
        "nowhere.png": "dangling",
        "pipe.png": "special",
    }
    assert "permission denied" in next(odd.reason for odd in oddities if odd.kind == "closed")
    monkeypatch.setattr(os, "scandir", lambda path: refuse(f"{path}/closed"))
    with pytest.raises(StorageError, match="names can be listed, got permission denied"):
        files(tmp_path, oddities.append)


def test_a_folder_whose_files_say_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mode r--: its names can be had, nothing else. They are listed, so that reading them says why."""
    make(tmp_path, "a", "locked/b")
    stat = os.stat

    def refuse(path: str, **how: bool) -> os.stat_result:
        if "/locked/" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied")
        return stat(path, **how)

    monkeypatch.setattr(os, "stat", refuse)
    assert set(files(tmp_path)) == {"a", "locked/b"}


@pytest.mark.parametrize("seconds", [300_000_000_000, -100_000_000_000])
def test_a_time_that_no_calendar_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    make(tmp_path, "a", "b")
    stat = os.stat

    class Odd:
        def __init__(self, status: os.stat_result) -> None:
            self.st_mode, self.st_size, self.st_mtime_ns = status.st_mode, status.st_size, seconds * 10**9

    def odd(path: str, **how: bool) -> object:
        return Odd(stat(path, **how)) if str(path).endswith("/a") else stat(path, **how)

    monkeypatch.setattr(os, "stat", odd)
    listed = files(tmp_path)
    assert (listed["a"].mtime, listed["a"].etag) == (None, f"mtime-ns {seconds}000000000")
    assert listed["b"].mtime is not None
    assert Storage(tmp_path).info("a") == listed["a"]


@pytest.mark.parametrize("size", [0, 3, 30])
def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    make(tmp_path, "a")
    fstat = os.fstat
    calls = iter(range(9))

    def changing(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        if next(calls) == 1:  # the first call sees that it is a file
            (tmp_path / "a").write_bytes(b"y" * size)
        return status

    monkeypatch.setattr(os, "fstat", changing)
    with pytest.raises(
        StorageError, match=rf"stays as it is while it is read, got one that went from 1 to {size}"
    ):
        Storage(tmp_path).read("a")
