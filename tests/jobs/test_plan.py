"""`tenfold plan`: what it says beforehand is what comes of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.pictures import draw, fill
from tests.support.road import tenfold

_CODEC = ("--codec", "ae-zfp-1")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    fill(folder, 5, random.Random(1))
    (folder / "notes.md").write_text("no image, by its name")
    return folder


def _held(archive: Path) -> int:
    return sum(
        file.stat().st_size for part in ("shards", "catalogue") for file in (archive / part).rglob("*.*")
    )


def test_a_sample_of_all_says_what_the_run_makes(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    ran = tenfold("plan", source, archive, "--json", *_CODEC)
    assert ran.code == 0, ran.err
    said = ran.json()
    assert not archive.exists()
    assert said["files"]["images"] == said["expectation"]["sampled"] == said["compared"]["new"]["images"]
    assert said["listing"]["skipped"] == 1
    made = tenfold("compress", source, archive, "--workers", "0", "--json", *_CODEC).json()
    assert said["expectation"]["archive_bytes"]["value"] == pytest.approx(_held(archive), rel=0.02)
    for status in ("coded", "lossless", "kept"):
        share = said["expectation"]["shares"].get(status, {"value": 0})["value"]
        assert share * said["files"]["images"] == pytest.approx(made[status])

    draw(source / "another.png", random.Random(2))
    words = tenfold("plan", source, archive, "--sample", "2", "--cores", "8", "--price", "1", *_CODEC).out
    assert "  new        1 image" in words
    assert "To expect of 1 image" in words
    assert "by 1 image that --seed 0 drew" in words, "and none of those that are stored already"
    assert "of 8 cores" in words
    assert "at 1 USD a GB" in words


def test_a_listing_alone_costs_no_encoding(source: Path) -> None:
    ran = tenfold("plan", source, "--sample", "0", "--json")
    said = ran.json()
    assert said["expectation"] is said["costs"] is said["compared"] is None
    assert sum(count["images"] for count in said["by_format"].values()) == said["files"]["images"]
    assert sum(count["bytes"] for count in said["by_size"].values()) == said["files"]["bytes"]
    assert "Nothing was written." in tenfold("plan", source, "--sample", "0").err


def test_a_source_without_images_is_an_error(tmp_path: Path) -> None:
    ran = tenfold("plan", tmp_path)
    assert ran.code == 1
    assert "Expected images, got no object at all" in ran.err
