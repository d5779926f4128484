"""SIGKILL anywhere, the same command again: no image lost, none twice, finished shards not redone."""

from __future__ import annotations

import json
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from PIL import Image as PillowImage

from tests.support.road import start_tenfold, tenfold
from tests.support.waiting import wait_until

_IMAGES = 48


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """Crops of the photos, all different, and one file that is no image."""
    folder = tmp_path_factory.mktemp("resume") / "source"
    folder.mkdir()
    files = sorted(photos.glob("*.png"))
    for number in range(_IMAGES):
        with PillowImage.open(files[number % len(files)]) as opened:
            opened.crop((number, 2 * number, number + 192, 2 * number + 160)).save(
                folder / f"{number:03d}.png"
            )
    (folder / "bad.png").write_bytes(b"not an image")
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Small units and eager commits, so that a kill lands between them."""
    path = tmp_path / "config.yaml"
    path.write_text(
        "shard: {max_images: 4}\ncommit_seconds: 0.01\nworkers: {count: 0}\ncodec: {id: ae-zfp-1, quality: 30}\n"
    )
    return path


def shards(archive: Path) -> set[str]:
    return {path.name for path in archive.glob("shards/*/*.parquet")}


def test_killed_twice_and_run_again(source: Path, config: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    chance = random.Random(1)
    for _ in range(2):
        before = len(shards(archive))
        process = start_tenfold("compress", source, archive, "--config", config)
        more = before + 2
        wait_until(lambda: len(shards(archive)) >= more or process.poll() is not None)  # noqa: B023
        time.sleep(chance.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    published = shards(archive)
    assert published
    ran = tenfold("compress", source, archive, "--config", config, "--json")
    assert ran.code == 3
    assert ran.json()["resumed"]
    assert ran.json()["images"] == _IMAGES + 1
    assert published <= shards(archive)  # nothing that was finished went away
    rows = tenfold("ls", archive, "--json").json()
    keys = [row["key"] for row in rows]
    assert sorted(keys) == sorted(path.name for path in source.iterdir())
    used = {Path(row["shard"]).name for row in rows}
    assert len(used - published) <= len(used) - len(published) + 1  # at most one in flight was done again
    assert [row["key"] for row in rows if row["damaged"]] == ["bad.png"]
    assert tenfold("decode", archive, tmp_path / "out", "--workers", "0").code == 0
    assert len(list((tmp_path / "out").iterdir())) == _IMAGES + 1


def test_published_but_uncommitted_shards_are_adopted(source: Path, config: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    assert tenfold("compress", source, archive, "--config", config).code == 3
    before = shards(archive)
    run = next((archive / "runs").iterdir())
    (run / "summary.json").unlink()  # as if the driver had died before its last commits
    log = sorted((archive / "catalogue" / "_delta_log").glob("*.json"))
    for entry in log[2:]:
        entry.unlink()
    for checkpoint in (archive / "catalogue" / "_delta_log").glob("*checkpoint*"):
        checkpoint.unlink()
    held = len(tenfold("ls", archive, "--json").json())
    assert 0 < held < _IMAGES
    ran = tenfold("compress", source, archive, "--config", config, "--json")
    assert ran.json()["images"] == _IMAGES + 1
    assert shards(archive) == before  # nothing was encoded again
    assert len(tenfold("ls", archive, "--json").json()) == _IMAGES + 1


def test_ctrl_c_commits_what_is_finished(source: Path, config: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    text = config.read_text().replace("commit_seconds: 0.01", "commit_seconds: 600")
    config.write_text(text.replace("max_images: 4", "max_images: 1"))  # most are still to come
    process = start_tenfold("compress", source, archive, "--config", config)
    wait_until(lambda: len(shards(archive)) >= 2 or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert "run the same command to finish" in err
    assert 1 <= len(tenfold("ls", archive, "--json").json()) < _IMAGES


def test_progress_lies_in_the_archive(source: Path, config: Path, tmp_path: Path) -> None:
    some, archive = tmp_path / "some", tmp_path / "archive"
    some.mkdir()
    names = [f"{number:03d}.png" for number in range(6)] + ["bad.png"]
    for name in names:
        shutil.copy(source / name, some)
    tenfold("compress", some, archive, "--config", config)
    run = next((archive / "runs").iterdir())
    progress = json.loads((run / "progress.json").read_text())
    assert progress["phase"] == "done"
    assert progress["listed"] == progress["finished"] == progress["committed"] == len(names)
    assert (progress["damaged"], progress["failed"]) == (1, 0)
