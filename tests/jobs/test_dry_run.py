"""`--dry-run` of compress and nightly: what would be done, and nothing is."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from tests.support.pictures import draw, fill
from tests.support.road import tenfold

_IMAGES = 4
_OPTIONS = ("--workers", "0", "--codec", "ae-zfp-1")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    fill(folder, _IMAGES, random.Random(1))
    (folder / "notes.md").write_text("no image, by its name")
    return folder


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of everything below a folder."""
    found = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def size(*paths: Path) -> int:
    return sum(path.stat().st_size for path in paths)


def test_into_no_archive_yet(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    ran = tenfold("compress", source, archive, "--dry-run", "--json", *_OPTIONS)
    plan = ran.json()
    assert (ran.code, plan["dry_run"], plan["resumes"], plan["skipped"]) == (0, True, None, 1)
    everything = {"images": _IMAGES + 1, "bytes": size(*source.glob("*.png"))}
    assert plan["new"] == plan["to_encode"] == everything
    assert not archive.exists()
    words = tenfold("compress", source, archive, "--dry-run", *_OPTIONS)
    assert f"Would encode {_IMAGES + 1} images" in words.out
    assert "Nothing was written" in words.err
    assert not archive.exists()


def test_what_changed_since(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    assert tenfold("compress", source, archive, *_OPTIONS).code == 3
    draw(source / "0000.png", random.Random(2))
    draw(source / "new.png", random.Random(3))
    gone = size(source / "0001.png")
    (source / "0001.png").unlink()
    before = tree(archive)
    plan = tenfold("compress", source, archive, "--dry-run", "--json", *_OPTIONS).json()
    assert plan["new"] == {"images": 1, "bytes": size(source / "new.png")}
    assert plan["changed"] == {"images": 1, "bytes": size(source / "0000.png")}
    assert plan["unchanged"]["images"] == _IMAGES - 1
    assert plan["displacing"]["images"] == 0
    assert plan["gone"] == {"images": 1, "bytes": gone}

    other = tmp_path / "other"
    shutil.copytree(source, other, copy_function=shutil.copy)  # without the times
    plan = tenfold("compress", other, archive, "--dry-run", "--json", *_OPTIONS).json()
    assert (plan["new"]["images"], plan["displacing"]["images"]) == (1, 4)
    assert tree(archive) == before


def test_a_night(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    assert tenfold("compress", source, archive, *_OPTIONS).code == 3
    for name in ("0000.png", "0001.png"):
        (source / name).unlink()
    before = tree(archive)
    night = ("nightly", source, archive, "--dry-run", "--workers", "0")
    plan = tenfold(*night, "--deletes", "drop", "--json").json()
    assert (plan["plan"]["gone"]["images"], plan["dropped"], plan["refused"]) == (2, 2, None)
    refused = tenfold(*night, "--deletes", "fail-if-over 5%", "--json")
    assert (refused.code, refused.json()["dropped"]) == (1, 0)
    assert "Expected at most 5 % of the source's 5 archived images to be gone" in refused.err
    assert tenfold(*night).code == 0
    assert tree(archive) == before
