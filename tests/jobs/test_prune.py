"""`tenfold prune` as a user types it, on archives of photos made by real runs."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.archive.lease import Lease
from pipeline.compress.commits import Commits
from pipeline.store.storage import Storage
from tests.support.prune_steps import age_marks, tree
from tests.support.road import tenfold
from tests.support.seaweed import S3Server

QUICK = ("--workers", "0", "--codec", "ae-zfp-1", "--quality", "30")


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def nights(source: Path, archive: str, small_photos: Path, count: int = 3) -> None:
    """Every night one photo is another picture."""
    source.mkdir()
    names = sorted(path.name for path in small_photos.glob("*.png"))
    shutil.copy(small_photos / names[-1], source / "same.png")
    for name in names[:count]:
        shutil.copy(small_photos / name, source / "changing.png")
        assert tenfold("compress", source, archive, *QUICK).code == 0


def live_through(tmp_path: Path, archive: str, small_photos: Path) -> None:
    nights(tmp_path / "source", archive, small_photos)
    planned = tenfold("prune", archive, "--keep-versions", "2", "--json").json()
    assert not planned["applied"]
    assert (planned["kept_from"], planned["oldest_version"], planned["newest_version"]) == (2, 0, 3)
    assert (planned["marked"]["shards"], planned["marked"]["log_files"], planned["removed"]["bytes"]) == (
        0,
        2,
        0,
    )
    keep_one = ("--keep-versions", "1", "--apply")
    first = tenfold("prune", archive, *keep_one)
    assert first.code == 0
    assert "Versions 3 to 3 stay (1); 0 to 2 go (3)." in first.out
    assert "Removed nothing." in first.out
    assert "Marked 1 shard," in first.out, "that of the first night holds the photo that stayed the same"
    assert "The next --apply that removes something: from 20" in first.out
    then = tmp_path / "then"
    assert tenfold("decode", archive, then, "--workers", "0", "--as-of", "1").code == 0, "not yet"
    age_marks(Storage(archive), timedelta(days=8))
    waits = tenfold("prune", archive, *keep_one, "--grace", "9d", "--json").json()
    assert (waits["removed"]["shards"], waits["waiting"]["shards"]) == (0, 1)
    done = tenfold("prune", archive, *keep_one)
    assert "Removed 1 shard," in done.out
    assert "The oldest version is now 3." in done.out

    versions = tenfold("history", archive, "--json").json()
    assert [version["version"] for version in versions] == [3]
    gone = tenfold("decode", archive, tmp_path / "gone", "--workers", "0", "--as-of", "2")
    assert gone.code == 1
    assert "a version from 3 to 3" in gone.err
    assert "Those before 3 were pruned." in gone.err
    assert tenfold("verify", archive, "--workers", "0", "--level", "decode").code == 0
    now = tmp_path / "now"
    assert tenfold("decode", archive, now, "--workers", "0", "--as-of", "3").code == 0
    shown = sorted(small_photos.glob("*.png"))[2]
    assert np.abs(pixels(now / "changing.png") - pixels(shown)).mean() < 12.0
    assert len(tenfold("ls", archive, "--as-of", "3").out.splitlines()) == 2

    shutil.copy(sorted(small_photos.glob("*.png"))[4], tmp_path / "source" / "changing.png")
    assert tenfold("compress", tmp_path / "source", archive, *QUICK).code == 0
    assert tenfold("diff", archive, "3", "4", "--json").json()[0]["key"] == "changing.png"
    assert tenfold("verify", archive, "--workers", "0").code == 0


def test_a_folder(tmp_path: Path, small_photos: Path) -> None:
    live_through(tmp_path, str(tmp_path / "archive"), small_photos)


def test_a_killed_run_and_its_resumption(tmp_path: Path, small_photos: Path) -> None:
    """What is marked of a killed run is encoded again when that is resumed, and then the first shards go."""
    archive, source = tmp_path / "archive", tmp_path / "source"
    nights(source, str(archive), small_photos, 1)
    (run,) = (archive / "runs").iterdir()
    (run / "summary.json").unlink()
    (
        archive / "catalogue/_delta_log" / f"{1:020d}.json"
    ).unlink()  # as if killed before it committed and sealed
    shutil.rmtree(archive / "seals")
    first = {path.name for path in archive.glob("shards/*/*.parquet")}
    summary = tenfold("prune", archive, "--apply", "--json").json()
    assert summary["marked"]["shards"] == len(first) > 0
    ran = tenfold("compress", source, archive, *QUICK, "--json").json()
    assert (ran["resumed"], ran["images"]) == (True, 2)
    age_marks(Storage(archive))
    assert tenfold("prune", archive, "--apply", "--json").json()["removed"]["shards"] == len(first)
    assert not first & {path.name for path in archive.glob("shards/*/*.parquet")}
    assert tenfold("verify", archive, "--workers", "0", "--level", "decode").code == 0


def test_a_run_that_was_suspended_before_it_committed(
    tmp_path: Path, small_photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile its shard was marked, or removed: either way it ends with words, and the same command finishes."""
    archive, source = tmp_path / "archive", tmp_path / "source"
    nights(source, str(archive), small_photos, 1)
    commit = Commits._commit_new
    for number, slept in enumerate((timedelta(minutes=45), timedelta(days=8)), 1):

        def late(commits: Commits, slept: timedelta = slept) -> None:
            if commits._waiting:
                assert tenfold("prune", archive, "--apply").code == 0
                age_marks(Storage(archive), slept)
                assert tenfold("prune", archive, "--apply").code == 0
            commit(commits)

        shutil.copy(sorted(small_photos.glob("*.png"))[number], source / "changing.png")
        with monkeypatch.context() as patch:
            patch.setattr(Commits, "_commit_new", late)
            ran = tenfold("compress", source, archive, *QUICK)
        assert ran.code == 1
        assert "was it suspended? Run the same command again" in ran.err
        assert tenfold("verify", archive, "--workers", "0").code == 0
        again = tenfold("compress", source, archive, *QUICK, "--json").json()
        assert (again["resumed"], again["images"]) == (True, 1)
    assert tenfold("verify", archive, "--workers", "0", "--level", "decode").code == 0


def test_the_dry_run_is_the_default_and_changes_nothing(tmp_path: Path, small_photos: Path) -> None:
    archive = tmp_path / "archive"
    nights(tmp_path / "source", str(archive), small_photos, 2)
    (archive / "shards" / "notes.txt").write_text("mine")
    before = tree(archive)
    for words in ((), ("--dry-run",), ("--keep-versions", "1", "--older-than", "90m", "--json")):
        ran = tenfold("prune", archive, *words)
        assert ran.code == 0
        assert tree(archive) == before
    ran = tenfold("prune", archive, "--keep-versions", "1")
    assert "Would mark" in ran.out
    assert "Nothing was changed. --apply does it." in ran.err
    assert "Left alone: 1 object whose names Tenfold does not know (shards/notes.txt)." in ran.err


def test_errors(tmp_path: Path) -> None:
    assert tenfold("prune", tmp_path / "none", "--apply").code == 10
    assert not (tmp_path / "none").exists()
    archive = tmp_path / "archive"
    (tmp_path / "source").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "source" / "a.png")
    assert tenfold("compress", tmp_path / "source", archive, *QUICK).code == 0
    with Lease(Storage(archive), verb="nightly"):
        held = tenfold("prune", archive, "--apply")
        assert (held.code, "the lease of a nightly" in held.err) == (11, True)
        assert tenfold("prune", archive).code == 0, "looking needs no lease"
    short = tenfold("prune", archive, "--grace", "59m")
    assert (short.code, "Expected a grace period of at least 1h, got 59m" in short.err) == (2, True)
    for words in (
        ("--older-than", "0d"),
        ("--older-than", "-3d"),
        ("--older-than", "soon"),
        ("--older-than", "999999d"),
        ("--grace", "1.5d"),
        ("--keep-versions", "0"),
        ("--keep-versions", "-1"),
    ):
        assert tenfold("prune", archive, *words).code == 2, words
    (part,) = (archive / "catalogue").glob("*.parquet")
    part.write_bytes(part.read_bytes()[:-1])
    damaged = tenfold("prune", archive, "--apply")
    assert damaged.code == 1
    assert "Expected the catalogue of every kept version to be whole" in damaged.err


@pytest.mark.s3
def test_a_store_that_is_down(s3_env: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    ran = tenfold("prune", "s3://bucket/archive", "--apply")
    assert ran.code == 1
    assert "check AWS_ENDPOINT_URL" in ran.err


def test_help_teaches() -> None:
    words = " ".join(tenfold("prune", "--help").out.split())
    assert "Two phases" in words
    assert "tenfold prune archive/ --older-than 30d" in words
