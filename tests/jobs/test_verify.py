"""`tenfold verify` as cron sees it: exit codes, words, JSON; in this process, on a real S3 server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.road import tenfold
from tests.support.seaweed import S3Server


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, small_photos: Path) -> Path:
    """An archive of the photos; the tests that damage it mend it again."""
    archive = tmp_path_factory.mktemp("verify") / "archive"
    assert tenfold("compress", small_photos, archive, "--workers", "0", "--quality", "4").code == 0
    return archive


def test_a_sound_archive(made: Path) -> None:
    ran = tenfold("verify", made, "--workers", "0", "--level", "decode")
    assert ran.code == 0
    assert "6 images decoded, 6 held against their sources" in ran.out
    assert ran.out.splitlines()[-1] == f"{made} is sound."
    summary = tenfold("verify", made, "--workers", "0", "--json").json()
    assert (summary["sound"], summary["images"], summary["unsealed_versions"]) == (True, 6, 0)
    quick = tenfold("verify", made, "--workers", "0", "--level", "structure", "--json").json()
    assert (quick["sound"], quick["read_bytes"]) == (True, 0)
    sampled = tenfold("verify", made, "--workers", "0", "--level", "decode", "--sample", "20%", "--seed", "3")
    assert "2 images decoded" in sampled.out
    assert "--seed 3" in sampled.out


def test_a_damaged_one(made: Path) -> None:
    shard = max(made.glob("shards/*/*.parquet"), key=lambda path: path.stat().st_size)
    data = shard.read_bytes()
    shard.write_bytes(data[:2000] + bytes([data[2000] ^ 1]) + data[2001:])
    ran = tenfold("verify", made, "--workers", "0")
    assert ran.code == 1
    assert str(shard.relative_to(made)) in ran.out
    assert "NOT SOUND" in ran.out.splitlines()[-1]
    shard.write_bytes(data)
    assert tenfold("verify", made, "--workers", "0").code == 0


def test_usage(made: Path, tmp_path: Path) -> None:
    assert tenfold("verify", tmp_path / "none").code == 10
    for share in ("0", "101%", "some"):
        assert tenfold("verify", made, "--sample", share).code == 2


@pytest.mark.s3
def test_a_bucket(small_photos: Path, s3_env: S3Server) -> None:
    bucket = s3_env.bucket()
    archive = f"s3://{bucket}/archive"
    tenfold("compress", small_photos / "kodim03.png", archive, "--workers", "0", "--quality", "4")
    assert tenfold("verify", archive, "--workers", "0", "--level", "decode").code == 0
    client = s3_env.client()
    for part in ("shards/", "catalogue/part", "catalogue/_delta_log/", "seals/", "codec/"):
        listed = client.list_objects_v2(Bucket=bucket, Prefix=f"archive/{part}")["Contents"]
        key = listed[-1]["Key"]
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        client.put_object(Bucket=bucket, Key=key, Body=body[:99] + bytes([body[99] ^ 2]) + body[100:])
        assert tenfold("verify", archive, "--workers", "0").code == 1, key
        client.delete_object(Bucket=bucket, Key=key)
        assert tenfold("verify", archive, "--workers", "0").code in (1, 10) or part in ("seals/", "codec/"), (
            key
        )
        client.put_object(Bucket=bucket, Key=key, Body=body)
    assert tenfold("verify", archive, "--workers", "0").code == 0
