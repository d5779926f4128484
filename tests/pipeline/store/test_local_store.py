"""What a local folder adds to the contract of Storage: atomic files, links, odd names."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StorageError, StoreDownError, UnreadableError
from pipeline.store import local_files, local_store
from pipeline.store.local_files import write_temporary
from pipeline.store.storage import Storage
from tests.support.bad_sectors import bad_sectors


def raising(code: int) -> Callable[..., int]:
    def fail(*_: object, **__: object) -> int:
        raise OSError(code, os.strerror(code))

    return fail


def found(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def names(root: Path) -> list[str]:
    return [info.path for info in Storage(root).list()]


def test_too_many_open_files_say_nothing_of_the_one_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Storage(tmp_path).write("x", b"1")
    monkeypatch.setattr(local_store, "open_regular", raising(errno.EMFILE))
    with pytest.raises(StoreDownError, match=r"got too many of them at .*/x; raise `ulimit -n`"):
        Storage(tmp_path).read("x")


def test_a_bad_sector_is_that_of_its_file_unless_no_file_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(tmp_path)
    for name in ("bad", "good"):
        storage.write(name, b"12")
    bad_sectors(monkeypatch, "bad")
    failures: list[type[Exception]] = []
    for number in range(160):
        try:
            storage.read_range("bad", 0, 1)
        except StorageError as error:
            failures.append(type(error))
        if number < 100:
            assert storage.read("good") == b"12"
    assert failures == [UnreadableError] * 150 + [StoreDownError] * 10


@pytest.mark.parametrize("operation", ["write", "create"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "Expected free space on the disk, got a full disk at .*/a/new; free some space"),
        (errno.EDQUOT, "got an exhausted quota"),
        (errno.EIO, "Expected the disk to answer, got Input/output error"),
    ],
    ids=["disk full", "quota", "broken disk"],
)
def test_a_failed_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, code: int, message: str
) -> None:
    storage = Storage(tmp_path)
    storage.write("a/old", b"old")
    monkeypatch.setattr(os, "fsync", raising(code))
    with pytest.raises(StorageError, match=message):
        getattr(storage, operation)("a/new", b"new")
    with pytest.raises(StorageError, match="/a/old"):
        storage.write("a/old", b"new")
    monkeypatch.undo()
    assert storage.read("a/old") == b"old"
    assert found(tmp_path / "a") == ["old"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.EACCES, "Expected access, got permission denied at .*; check the owner and mode"),
        (errno.EROFS, "Expected a writable disk, got a read-only file system"),
    ],
    ids=["permission", "read-only"],
)
def test_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str
) -> None:
    monkeypatch.setattr(os, "open", raising(code))
    with pytest.raises(StorageError, match=message):
        Storage(tmp_path / "archive").check_writable()
    assert found(tmp_path) == []


def test_writable_is_checked_without_making_the_folder(tmp_path: Path) -> None:
    Storage(tmp_path / "a" / "b").check_writable()
    assert found(tmp_path) == []


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    storage = Storage(tmp_path / "file")
    with pytest.raises(StorageError, match=r"Expected a folder, got a file at .*/file"):
        storage.check_readable()
    with pytest.raises(StorageError, match=r"Expected a folder, got a file at .*/file"):
        storage.check_writable()
    with pytest.raises(StorageError, match="Expected a folder, got a file"):
        storage.write("x", b"1")
    with pytest.raises(FileNotFoundError, match="Expected an object"):
        storage.read("x")
    assert list(storage.list()) == []


def test_a_folder_where_a_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "folder" / "in").mkdir(parents=True)
    storage = Storage(tmp_path)
    with pytest.raises(StorageError, match="Expected a file, got a folder"):
        storage.read("folder")
    with pytest.raises(StorageError, match="Expected a file, got a folder"):
        storage.write("folder", b"x")
    assert not storage.create("folder", b"x")
    assert found(tmp_path) == ["folder"]


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(
        StorageError, match=r"Expected a folder, got nothing there at .*/none; check the path"
    ):
        Storage(tmp_path / "none").check_readable()
    assert names(tmp_path / "none") == []


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", "", "a\0b"])
def test_no_path_leaves_the_folder(tmp_path: Path, path: str) -> None:
    storage = Storage(tmp_path / "root")
    with pytest.raises(StorageError, match="Expected a relative path inside the folder"):
        storage.write(path, b"x")
    assert found(tmp_path) == []


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="got one that is too long"):
        Storage(tmp_path).write("x" * 300, b"1")
    assert found(tmp_path) == []


def test_a_link_whose_answer_was_lost_is_known_by_whom_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def asked_twice(there: str, new: str) -> None:
        link(there, new)
        link(there, new)

    monkeypatch.setattr(os, "link", asked_twice)
    assert Storage(tmp_path).create("x", b"mine")
    assert not Storage(tmp_path).create("x", b"yours")
    assert Storage(tmp_path).read("x") == b"mine"
    assert found(tmp_path) == ["x"]


@pytest.mark.parametrize("has_rename", [True, False])
def test_create_without_hard_links(has_rename: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", raising(errno.EPERM))
    if not has_rename:
        monkeypatch.setattr(local_files, "rename_new", lambda _file, _name: None)
    written_in_place: list[bool] = []
    write = local_files._write_new

    def noting(file: str, data: bytes) -> None:
        written_in_place.append(Path(file).name == "x")
        write(file, data)

    monkeypatch.setattr(local_files, "_write_new", noting)
    storage = Storage(tmp_path)
    assert storage.create("x", b"mine")
    assert not storage.create("x", b"yours")
    assert storage.read("x") == b"mine"
    assert found(tmp_path) == ["x"]
    assert any(written_in_place) != has_rename, "a file that appears at once is never seen half written"


def test_new_files_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        Storage(tmp_path).write("x", b"1")
        Storage(tmp_path).create("y", b"1")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "xy"] == [0o640, 0o640]


def test_listing_reads_a_folder_when_it_gets_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in range(20):
        Storage(tmp_path).write(f"{folder:02d}/x", b"x")
    visited = []
    scandir = os.scandir

    def watched(path: str) -> Any:
        visited.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", watched)
    listing = Storage(tmp_path).list()
    next(listing)
    assert len(visited) == 2


def test_an_unreadable_folder_is_no_silent_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ["a/x", "b/x", "c/x"]:
        Storage(tmp_path).write(name, b"x")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("/b"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    listing = Storage(tmp_path).list()
    assert next(listing).path == "a/x"
    with pytest.raises(StorageError, match=r"names can be listed, got permission denied at .*/b; check"):
        list(listing)


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    Storage(tmp_path).write("root/real/x", b"123")
    Storage(tmp_path).write("elsewhere/y", b"12345")
    root = tmp_path / "root"
    (root / "file-link").symlink_to(root / "real" / "x")
    (root / "folder-link").symlink_to(tmp_path / "elsewhere")
    (root / "real" / "loop").symlink_to(root)
    (root / "self").symlink_to(root / "self")
    (root / "broken").symlink_to(tmp_path / "nowhere")
    listed = {info.path: info.size for info in Storage(root).list()}
    assert listed == {"real/x": 3, "file-link": 3, "folder-link/y": 5, "broken": 0, "self": 0}
    with pytest.raises(FileNotFoundError, match="Expected an object"):
        Storage(root).read("broken")
    with pytest.raises(StorageError, match="/self"):
        Storage(root).read("self")


def test_what_a_killed_write_leaves_is_no_object(tmp_path: Path) -> None:
    store = Storage(tmp_path)
    store.write("seals/whole.json", b"{}")
    Path(write_temporary(str(tmp_path / "seals/half.json"), b"{")).touch()
    (tmp_path / "seals/.tenfold-mine.tmp").touch()
    assert [info.path for info in store.list()] == ["seals/.tenfold-mine.tmp", "seals/whole.json"]


def test_pipes_and_sockets_are_no_objects(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        assert names(tmp_path) == []
        assert not Storage(tmp_path).exists("pipe.png")
        with pytest.raises(FileNotFoundError, match=r"got no regular file at .*/pipe\.png"):
            Storage(tmp_path).read("pipe.png")
    with pytest.raises(FileNotFoundError, match="got no regular file at /dev/zero"):
        Storage("/dev").read_range("zero", 0, 4)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    Storage(tmp_path).write(name, b"x")
    assert names(tmp_path) == [name]
    assert Storage(tmp_path).read(name) == b"x"
    with pytest.raises(FileNotFoundError, match=r"caf\\udce8.png") as caught:
        Storage(tmp_path).read(os.fsdecode(b"caf\xe8.png"))
    str(caught.value).encode()
