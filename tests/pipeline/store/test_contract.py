"""The contract of Storage, on every kind of store: a folder, a real S3 server, memory, another filesystem of fsspec.

What is special to a kind is in its own file.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.store.storage import Storage
from tests.support.disk_filesystem import register_disk
from tests.support.seaweed import S3Server

NAMES = ["a/b.bin", "with space+plus%20.png", "ünï/コード.jpg", "hash#quest?ion.png", "deep/er/and/deeper"]


@pytest.fixture(scope="module")
def shared_bucket(s3: S3Server) -> str:
    return s3.bucket()


@pytest.fixture(params=["folder", "memory", "disk", pytest.param("s3", marks=pytest.mark.s3)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "s3":
        bucket: str = request.getfixturevalue("shared_bucket")
        request.getfixturevalue("s3_env")
        return Storage(f"s3://{bucket}/pre fix/ü/{uuid.uuid4().hex}")
    register_disk()
    folder = tmp_path / "root"
    urls = {
        "folder": str(folder),
        "memory": f"memory://{uuid.uuid4().hex}",
        "disk": f"disk:/{folder}",
    }
    return Storage(urls[request.param])


def paths(storage: Storage, prefix: str = "", **how: object) -> list[str]:
    return [info.path for info in storage.list(prefix, **how)]  # type: ignore[arg-type]


class TestContract:
    @pytest.mark.parametrize("name", NAMES)
    def test_what_is_written_is_read(self, storage: Storage, name: str) -> None:
        storage.write(name, b"first")
        storage.write(name, bytes(range(256)) * 41)
        assert storage.read(name) == bytes(range(256)) * 41
        assert storage.size(name) == 256 * 41
        assert storage.exists(name)
        assert paths(storage) == [name]

    def test_an_empty_object(self, storage: Storage) -> None:
        storage.write("empty", b"")
        assert storage.read("empty") == b""
        assert storage.size("empty") == 0

    @pytest.mark.parametrize(
        ("offset", "length"), [(0, 1), (0, 1000), (999, 1), (400, 321), (7, 0), (1000, 0)]
    )
    def test_a_range_is_exact(self, storage: Storage, offset: int, length: int) -> None:
        data = bytes(i * 7 % 251 for i in range(1000))
        storage.write("x", data)
        assert storage.read_range("x", offset, length) == data[offset : offset + length]

    @pytest.mark.parametrize(("offset", "length", "got"), [(990, 20, 10), (1000, 1, 0), (5000, 3, 0)])
    def test_a_range_past_the_end_is_refused(
        self, storage: Storage, offset: int, length: int, got: int
    ) -> None:
        storage.write("x", bytes(1000))
        with pytest.raises(StorageError, match=rf"{length} bytes from offset {offset}, got {got} at .*/x; "):
            storage.read_range("x", offset, length)

    def test_negative_ranges_are_bugs(self, storage: Storage) -> None:
        with pytest.raises(ValueError, match="got -1 and 4 for x"):
            storage.read_range("x", -1, 4)

    def test_a_missing_object(self, storage: Storage) -> None:
        storage.write("there/x", b"1")
        for operation in (storage.read, storage.size, storage.info):
            with pytest.raises(FileNotFoundError, match=r"Expected an object, got .* at .*/nope; check"):
                operation("nope")
        with pytest.raises(FileNotFoundError, match="/nope; check"):
            storage.read_range("nope", 0, 4)
        assert not storage.exists("nope")
        assert not storage.exists("there")

    def test_delete(self, storage: Storage) -> None:
        storage.write("a/x", b"1")
        storage.delete("a/x")
        assert not storage.exists("a/x")
        assert paths(storage) == []

    def test_create_refuses_a_taken_name(self, storage: Storage) -> None:
        assert storage.create("lock", b"mine")
        assert not storage.create("lock", b"yours")
        assert not storage.create("lock", b"mine")
        assert storage.read("lock") == b"mine"
        assert paths(storage) == ["lock"]

    def test_one_of_sixteen_racers_creates(self, storage: Storage) -> None:
        storage.exists("warm up")
        start = threading.Barrier(16)

        def race(number: int) -> int | None:
            start.wait()
            return number if storage.create("race/lock", f"racer {number}".encode()) else None

        # SeaweedFS lets racers for one name in one after the other, a second apart.
        for _ in range(1 if storage.url.startswith("s3://") else 20):
            with ThreadPoolExecutor(16) as pool:
                winners = [number for number in pool.map(race, range(16)) if number is not None]
            assert len(winners) == 1
            assert storage.read("race/lock") == f"racer {winners[0]}".encode()
            assert paths(storage) == ["race/lock"]
            storage.delete("race/lock")

    def test_many_threads_share_one_storage(self, storage: Storage) -> None:
        def work(number: int) -> bool:
            data = f"{number}-".encode() * 500
            storage.write(f"t/{number}", data)
            return (
                storage.read(f"t/{number}") == data and storage.read_range(f"t/{number}", 3, 5) == data[3:8]
            )

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(work, range(48)))

    def test_listing_is_sorted_and_described(self, storage: Storage) -> None:
        before = datetime.now(UTC) - timedelta(seconds=2)
        names = ["b/1", "b/2/x", "a.txt", "b.txt", "c", "a1"]
        for name in names:
            storage.write(name, name.encode())
        listed = list(storage.list())
        assert sorted(info.path for info in listed) == sorted(names)
        assert [info.path for info in listed] == [info.path for info in storage.list()]
        for info in listed:
            assert info.size == len(info.path)
            assert info.mtime is not None
            assert info.mtime.tzinfo is UTC
            assert before <= info.mtime <= datetime.now(UTC) + timedelta(seconds=2)
            asked = storage.info(info.path)
            assert (asked.size, asked.etag) == (info.size, info.etag)

    def test_listing_a_prefix(self, storage: Storage) -> None:
        for name in ["p/1", "p/q/2", "p/q/r/3", "pq/4", "p.txt", "5"]:
            storage.write(name, b"x")
        assert paths(storage, "p") == ["p/1", "p/q/2", "p/q/r/3"]
        assert paths(storage, "p/q/") == ["p/q/2", "p/q/r/3"]
        assert paths(storage, "p", recursive=False) == ["p/1"]
        assert paths(storage, recursive=False) == ["5", "p.txt"]
        assert paths(storage, "none") == []
        assert sorted(paths(storage, exclude=["p/q", "5"])) == ["p.txt", "p/1", "pq/4"]

    def test_names_come_in_the_order_of_their_bytes(self, storage: Storage) -> None:
        wanted = ["A", "a b", "a-", "a.png", "a/b/c", "a/b.png", "a/z", "a0", "é", "日本/x"]
        for name in wanted:
            storage.write(name, b"x")
        listed = paths(storage)
        assert sorted(listed) == sorted(wanted)
        if not storage.url.startswith("s3://"):  # S3 does so too, but SeaweedFS goes folder by folder
            assert listed == sorted(wanted, key=os.fsencode)

    def test_listing_nothing(self, storage: Storage) -> None:
        assert paths(storage) == []

    def test_more_than_one_page(self, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pipeline.store.s3_store._PAGE", 10)
        names = [f"n/{number:05d}" for number in range(25)]
        for name in names:
            storage.write(name, b"x")
        assert paths(storage, "n") == names

    def test_readers_see_whole_objects_only(self, storage: Storage) -> None:
        contents = [bytes([fill]) * 40_000 for fill in (1, 2)]
        storage.write("x", contents[0])
        done = threading.Event()

        def overwrite() -> None:
            end = time.monotonic() + 0.4
            while time.monotonic() < end:
                for content in contents:
                    storage.write("x", content)
            done.set()

        with ThreadPoolExecutor(1) as pool:
            writer = pool.submit(overwrite)
            while not done.is_set():
                assert storage.read("x") in contents
                assert len(storage.read("x")) == 40_000
            writer.result()

    def test_a_pickled_copy_reaches_the_same_objects(self, storage: Storage) -> None:
        storage.write("x", b"1")
        copy = pickle.loads(pickle.dumps(storage))
        assert copy.url == storage.url
        assert copy.options == storage.options
        assert copy.read("x") == b"1"

    def test_checks_pass_and_leave_nothing(self, storage: Storage) -> None:
        storage.check_writable()
        storage.write("x", b"1")
        storage.check_readable()
        storage.check_writable()
        assert paths(storage) == ["x"]
