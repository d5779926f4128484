"""`tenfold retry-failed`: only what failed, as it is now, with the settings it failed under."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.image_files import make_unreadable
from tests.support.road import tenfold
from tests.support.seaweed import S3Server


@pytest.fixture
def source(tmp_path: Path, small_photos: Path) -> Path:
    """Two small photos, and two files that cannot be read."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("kodim03.png", "kodim05.png"):
        shutil.copy(small_photos / name, folder)
    make_unreadable(folder / "text.png")
    make_unreadable(folder / "short.png")
    return folder


def _mend(path: Path, by: Path) -> None:
    path.unlink()
    shutil.copy(by, path)


def listed(archive: Path | str) -> dict[str, dict[str, object]]:
    return {row["key"]: row for row in tenfold("ls", archive, "--json").json()}


def test_what_failed_is_tried_again_and_nothing_else(
    tmp_path: Path, source: Path, small_photos: Path
) -> None:
    archive = tmp_path / "archive"
    first = tenfold("compress", source, archive, "--workers", "0", "--bpp", "0.3", "--json")
    assert (first.code, first.json()["failed"]) == (3, 2)
    before = listed(archive)

    again = tenfold("retry-failed", archive, "--workers", "0", "--json")
    summary = again.json()
    assert (again.code, summary["images"], summary["failed"]) == (3, 2, 2)
    assert summary["run"] != first.json()["run"]
    assert "2 images failed" in again.err
    kept = listed(archive)
    assert [row["run"] for row in kept.values() if row["status"] == "failed"] == [summary["run"]] * 2
    assert kept["kodim03.png"] == before["kodim03.png"]

    _mend(source / "short.png", small_photos / "kodim15.png")
    ran = tenfold("retry-failed", archive, "--workers", "0", "--json")
    summary = ran.json()
    assert (ran.code, summary["images"], summary["coded"], summary["failed"]) == (3, 2, 1, 1)
    assert summary["target_bpp"] == pytest.approx(0.3), "the settings of the run that failed"
    after = listed(archive)
    assert after["short.png"]["bpp"] == pytest.approx(0.3, rel=0.1)
    assert after["text.png"]["status"] == "failed"
    assert after["kodim03.png"] == before["kodim03.png"]

    unchanged = tenfold("compress", source, archive, "--workers", "0", "--bpp", "0.3", "--json").json()
    assert (unchanged["images"], unchanged["unchanged"]) == (1, 3), "the mended file is known as it is now"


def test_an_image_whose_source_is_gone_keeps_its_row_with_the_new_reason(
    tmp_path: Path, source: Path
) -> None:
    archive = tmp_path / "archive"
    tenfold("compress", source, archive, "--workers", "0")
    (source / "text.png").unlink()
    tenfold("retry-failed", archive, "--workers", "0")
    row = listed(archive)["text.png"]
    assert row["status"] == "failed"
    assert "no longer there" in str(row["reason"])


def test_without_failures_there_is_nothing_to_do(tmp_path: Path, small_photos: Path) -> None:
    archive = tmp_path / "archive"
    tenfold("compress", small_photos / "kodim03.png", archive, "--workers", "0", "--quality", "3")
    versions = tenfold("history", archive, "--json").json()
    ran = tenfold("retry-failed", archive, "--workers", "0", "--json")
    counts = {"run": None, "images": 0, "coded": 0, "lossless": 0, "bounded": 0, "kept": 0, "failed": 0}
    assert (ran.code, ran.json()) == (0, counts | {"earlier": []})
    assert "nothing to try again" in ran.err
    assert tenfold("history", archive, "--json").json() == versions
    assert tenfold("retry-failed", tmp_path / "none").code == 10


def test_each_image_is_stored_as_its_own_run_was_told(tmp_path: Path, small_photos: Path) -> None:
    archive, told = tmp_path / "archive", {"scans": ["--lossless"], "photos": ["--quality", "3"]}
    for name, options in told.items():
        (tmp_path / name).mkdir()
        make_unreadable(tmp_path / name / f"{name}.png")
        assert tenfold("compress", tmp_path / name, archive, "--workers", "0", *options).code == 3
        _mend(tmp_path / name / f"{name}.png", small_photos / "kodim15.png")
    summary = tenfold("retry-failed", archive, "--workers", "0", "--json").json()
    assert [one["images"] for one in (*summary["earlier"], summary)] == [1, 1]
    rows = listed(archive)
    assert rows["scans.png"]["status"] == "lossless", "also where another run failed later"
    assert (rows["photos.png"]["status"], rows["photos.png"]["quality"]) == ("coded", 3)


def test_other_settings_and_lost_records(tmp_path: Path, source: Path, small_photos: Path) -> None:
    archive, config = tmp_path / "archive", tmp_path / "config.yaml"
    tenfold("compress", source, archive, "--workers", "0", "--quality", "3")
    shutil.rmtree(archive / "runs")
    refused = tenfold("retry-failed", archive, "--workers", "0")
    assert refused.code == 1
    assert "Say which ones to use with --config" in refused.err
    _mend(source / "short.png", small_photos / "kodim15.png")
    config.write_text("codec: {quality: 11}\n")
    tenfold("retry-failed", archive, "--workers", "0", "--config", config)
    assert listed(archive)["short.png"]["quality"] == 11


@pytest.mark.s3
def test_a_bucket(tmp_path: Path, source: Path, small_photos: Path, s3_env: S3Server) -> None:
    bucket = s3_env.bucket()
    listing = tmp_path / "list.txt"
    listing.write_text("".join(f"s3://{bucket}/photos/{path.name}\n" for path in source.iterdir()))
    for name in ("kodim03.png", "kodim05.png"):
        body = (source / name).read_bytes()
        s3_env.client().put_object(Bucket=bucket, Key=f"photos/{name}", Body=body)
    archive = f"s3://{bucket}/archive"
    assert tenfold("compress", listing, archive, "--workers", "0", "--quality", "3").code == 3
    for name in ("text.png", "short.png"):
        body = (small_photos / "kodim15.png").read_bytes()
        s3_env.client().put_object(Bucket=bucket, Key=f"photos/{name}", Body=body)
    ran = tenfold("retry-failed", archive, "--workers", "0", "--json")
    assert (ran.code, ran.json()["coded"]) == (0, 2)
    assert json.dumps(listed(archive)).count('"coded"') == 4
