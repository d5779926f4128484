"""The lease: one holder of many who try, wherever; free again when released, expired, or when its holder is dead."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import pipeline.archive.lease
from pipeline.archive.lease import Lease
from pipeline.errors import LockedError, StorageError
from pipeline.store.storage import Storage
from tests.support.bad_sectors import bad_sectors
from tests.support.road import ROOT
from tests.support.seaweed import S3Server
from tests.support.waiting import wait_until


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "archive")


def record(archive: Storage) -> dict[str, str]:
    """What the newest lease says."""
    newest = max(info.path for info in archive.list("locks"))
    found: dict[str, str] = json.loads(archive.read(newest))
    return found


def test_held_by_one_and_free_again(archive: Storage) -> None:
    with Lease(archive, verb="nightly"):
        with pytest.raises(
            LockedError, match=r"got the lease of a nightly that runs since 20.*, process \d+\."
        ):
            Lease(archive, verb="prune").__enter__()
        assert record(archive)["verb"] == "nightly"
    with Lease(archive, verb="prune"):
        assert record(archive)["verb"] == "prune"
        assert len(list(archive.list("locks"))) == 1, "what is over is removed"
    with pytest.raises(ZeroDivisionError, match="division"), Lease(archive, verb="repair"):
        _ = 1 / 0
    with Lease(archive, verb="repair"):
        pass


def most_at_once(archive: Storage) -> int:
    """Six threads try thirty times in all; how many ever held the archive together."""
    holding: list[int] = []
    together: list[int] = []

    def attempt(number: int) -> None:
        try:
            with Lease(archive, verb="nightly"):
                holding.append(number)
                together.append(len(holding))
                time.sleep(0.1)
                holding.remove(number)
        except LockedError:
            time.sleep(0.05)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(attempt, range(30)))
    return max(together)


def test_one_of_many_wins(archive: Storage) -> None:
    assert most_at_once(archive) == 1


def test_one_of_many_wins_in_a_bucket(s3_env: S3Server) -> None:
    assert most_at_once(Storage(f"s3://{s3_env.bucket()}/archive")) == 1


def test_a_dead_process_of_this_machine_holds_nothing(archive: Storage) -> None:
    code = (
        "import os, sys; from pipeline.archive.lease import Lease; from pipeline.store.storage import Storage;"
        "Lease(Storage(sys.argv[1]), verb='nightly').__enter__(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, archive.url], cwd=ROOT, check=False).returncode == 9
    assert datetime.fromisoformat(record(archive)["until"]) > datetime.now(UTC)
    with Lease(archive, verb="nightly"):
        pass


def test_a_lease_that_could_not_be_released_is_over(
    archive: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_self: Storage, *_: object) -> None:
        raise StorageError("down")

    with monkeypatch.context() as patch, Lease(archive, verb="nightly"):
        patch.setattr(Storage, "write", down)
    assert datetime.fromisoformat(record(archive)["until"]) > datetime.now(UTC)
    with Lease(archive, verb="nightly"):
        pass


def test_another_machines_lease_ends_with_its_time(archive: Storage) -> None:
    with Lease(archive, verb="nightly"):
        held = record(archive)
    held |= {"machine": "elsewhere pid:[1]", "until": (datetime.now(UTC) + timedelta(minutes=3)).isoformat()}
    path = max(info.path for info in archive.list("locks"))
    archive.write(path, json.dumps(held).encode())
    with pytest.raises(LockedError, match=f"on elsewhere .*its lease ends at {held['until'][:10]}"):
        Lease(archive, verb="nightly").__enter__()
    held["until"] = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    archive.write(path, json.dumps(held).encode())
    with Lease(archive, verb="nightly"):
        pass


@pytest.mark.parametrize(
    "damage",
    [
        {"more": "1"},
        {"until": "2y26-11-29T18:00:00+00:00"},
        {"until": "2126-11-29T18:00:00"},
        {"until": "6026-11-29T18:00:00+00:00"},
    ],
    ids=["other fields", "no time", "a time without its zone", "a clock that is wrong by far"],
)
def test_no_lease_at_all_is_no_obstacle(archive: Storage, damage: dict[str, str]) -> None:
    with Lease(archive, verb="nightly"):
        held = record(archive) | {"machine": "elsewhere pid:[1]"} | damage
    archive.write("locks/000000000007.json", json.dumps(held).encode())
    with Lease(archive, verb="nightly"):
        assert [info.path for info in archive.list("locks")] == ["locks/000000000008.json"]


def test_a_lease_that_cannot_be_read_is_no_obstacle(
    archive: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.write("locks/000000000007.json", b"{}")
    bad_sectors(monkeypatch, "locks/000000000007.json")
    with Lease(archive, verb="nightly"):
        assert [info.path for info in archive.list("locks")] == ["locks/000000000008.json"]


def test_renewed_while_held_and_lost_to_a_later_epoch(
    archive: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.archive.lease, "_TTL", timedelta(seconds=1))
    with Lease(archive, verb="nightly") as lease:
        taken = record(archive)
        wait_until(lambda: record(archive)["until"] > taken["until"])
        assert not lease.is_lost
        lease.check()
        archive.write("locks/000000000002.json", b"{}")
        wait_until(lambda: lease.is_lost)
        with pytest.raises(LockedError, match=r"Expected to hold the lease of .* until the end"):
            lease.check()
    assert archive.read("locks/000000000002.json") == b"{}", "the loser leaves the winner's lease alone"


def test_lost_when_the_store_is_out_of_reach_for_too_long(
    archive: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.archive.lease, "_TTL", timedelta(seconds=1))

    def down(_self: Storage, *_: object) -> None:
        raise StorageError("down")

    with Lease(archive, verb="nightly") as lease:
        ends = datetime.fromisoformat(record(archive)["until"])
        monkeypatch.setattr(Storage, "list", down)
        wait_until(lambda: lease.is_lost)
        assert datetime.now(UTC) >= ends, "until then nobody else may take it"
