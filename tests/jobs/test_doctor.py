"""`tenfold doctor`: what works is said to work, and a store that cannot be trusted is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import ray

import pipeline.doctor
from codec.registry import load_codec
from pipeline.store.backend import ObjectInfo
from pipeline.store.storage import Storage
from tests.support.road import tenfold
from tests.support.seaweed import S3Server, forget_conditions

CHECKS = [
    "archive",
    "read and write",
    "create-only writes",
    "live race",
    "catalogue commits",
    "clock",
    "delete",
    "ray",
    "device",
    "codec",
]


@pytest.fixture(autouse=True)
def _quick_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the codec is not the matter."""
    monkeypatch.setattr(pipeline.doctor, "load_codec", lambda _: load_codec("ae-zfp-1"))


def test_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(pipeline.doctor, "load_codec", load_codec)
        ran = tenfold("doctor", tmp_path / "new", "--json")
    checks = ran.json()["checks"]
    assert (ran.code, [check["name"] for check in checks]) == (0, CHECKS)
    assert {check["status"] for check in checks} == {"ok"}
    assert not (tmp_path / "new").exists(), "nothing stays behind"
    lines = tenfold("doctor", tmp_path).out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"ok     {name}" for name in CHECKS]


def test_a_bucket_and_its_archive(s3_env: S3Server, small_photos: Path) -> None:
    url = f"s3://{s3_env.bucket()}/archive"
    tenfold("compress", small_photos / "kodim03.png", url, "--workers", "0", "--quality", "3")
    before = [info.path for info in Storage(url).list()]
    ran = tenfold("doctor", url, "--json")
    checks = {check["name"]: check for check in ran.json()["checks"]}
    assert (ran.code, {check["status"] for check in checks.values()}) == (0, {"ok"})
    assert checks["archive"]["words"] == "an archive of 1 image, version 1"
    assert [info.path for info in Storage(url).list()] == before


def test_a_store_that_ignores_conditions_is_refused(
    s3_env: S3Server, small_photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_conditions(monkeypatch)
    url = f"s3://{s3_env.bucket()}/archive"
    ran = tenfold("doctor", url)
    assert ran.code == 12
    assert "UNSAFE create-only writes" in ran.out
    assert "UNSAFE live race" in ran.out
    assert list(Storage(url).list()) == []
    refused = tenfold("compress", small_photos, url, "--workers", "0")
    assert (refused.code, "honours If-None-Match" in refused.err) == (12, True)


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    ran = tenfold("doctor", tmp_path / "file" / "archive")
    assert ran.code == 1
    names = [line.split(":")[0] for line in ran.out.splitlines()]
    assert "FAILED read and write" in names
    assert "ok     codec" in names, "the machine is looked at all the same"
    assert not any("race" in name for name in names)


def test_a_store_that_gives_back_other_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Storage, "read", lambda *_: b"others")
    ran = tenfold("doctor", tmp_path)
    assert (ran.code, "FAILED read and write: Expected the bytes that were written" in ran.out) == (1, True)


def test_a_clock_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr(
        Storage, "info", lambda _, path: ObjectInfo(path=path, size=4 << 20, etag=None, mtime=late)
    )
    ran = tenfold("doctor", tmp_path)
    assert (ran.code, "LOOK   clock: this machine's clock is 3" in ran.out) == (0, True)


def test_a_codec_that_gives_another_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.doctor, "psnr_db", lambda *_: 9.0)
    ran = tenfold("doctor", tmp_path)
    assert (ran.code, "FAILED codec: Expected ae-zfp-1 to give a picture back" in ran.out) == (1, True)


@pytest.mark.usefixtures("ray_cluster")
def test_a_cluster(tmp_path: Path) -> None:
    address = ray.get_runtime_context().gcs_address
    found = {
        check["name"]: check
        for check in tenfold("doctor", tmp_path, "--ray-address", address, "--json").json()["checks"]
    }
    assert ": 1 nodes, " in found["ray"]["words"]


def test_no_cluster_there(tmp_path: Path) -> None:
    ran = tenfold("doctor", tmp_path, "--ray-address", "127.0.0.1:1")
    assert (ran.code, "FAILED ray" in ran.out) == (1, True)
