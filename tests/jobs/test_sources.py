"""What `compress` and `nightly` make of folders that hold more than images, or that cannot be listed whole."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from pipeline.compress.run_record import RunRecord
from pipeline.config import CompressConfig
from pipeline.source.options import SourceOptions
from pipeline.source.source import SourceConfig
from pipeline.store.storage import Storage
from tests.support.pictures import draw
from tests.support.road import tenfold

_OPTIONS = ("--workers", "0", "--codec", "ae-zfp-1")
_SIDECARS = {
    "sea/b.xmp": b"<x:xmpmeta/>",
    "c.AAE": b"\0\1\2" * 99,
    "empty": b"",
    "IMG_1.jpg~": b"\xff\xd8\xff no",
}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for number, name in enumerate(("a.png", "sea/b.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        draw(folder / name, random.Random(number))
    for name, data in _SIDECARS.items():
        (folder / name).write_bytes(data)
    return folder


def test_a_folder_comes_back_whole(photos: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    arguments = ("compress", photos, archive, *_OPTIONS, "--others", "keep")
    plan = tenfold(*arguments, "--dry-run", "--json").json()
    assert (plan["new"]["images"], plan["listing"]["others"], plan["skipped"]) == (6, 4, 0)
    ran = tenfold(*arguments, "--json")
    assert (ran.code, ran.json()["damaged"], ran.json()["listing"]["others"]) == (0, 0, 4)
    kept = tenfold("ls", archive, "--json", "--status", "kept").json()
    assert {row["key"] for row in kept if row["reason"] == "not an image: stored as it is"} == set(_SIDECARS)
    assert tenfold("decode", archive, tmp_path / "back", "--workers", "0").code == 0
    assert {name: (tmp_path / "back" / name).read_bytes() for name in _SIDECARS} == _SIDECARS
    again = tenfold(*arguments, "--json").json()
    assert (again["images"], again["unchanged"]) == (0, 6)


def test_a_folder_that_cannot_be_listed(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive"
    night = ("nightly", photos, archive, "--workers", "0", "--deletes", "fail-if-over 100%", "--json")
    config = tmp_path / "night.yaml"
    config.write_text("codec: {id: ae-zfp-1}\nsource: {exclude: '*.gif'}\n")
    assert tenfold(*night, "--config", config).code == 0
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("photos/sea"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (photos / "a.png").rename(photos / "c.png")
    ran = tenfold(*night, "--config", config)
    (run,) = ran.json()["runs"]
    assert (ran.code, ran.json()["dropped"], run["coded"] + run["kept"]) == (3, 1, 1)
    assert [place["path"] for place in run["listing"]["unlisted"]] == ["sea"]
    assert "not seen whole: sea: Expected a folder whose names can be listed" in ran.err
    assert sorted(row["key"] for row in tenfold("ls", archive, "--json").json()) == ["c.png", "sea/b.png"]
    plan = tenfold("compress", photos, archive, *_OPTIONS, "--dry-run")
    assert (plan.code, "not seen whole: sea" in plan.err) == (0, True)


def test_what_is_taken_makes_the_run(tmp_path: Path) -> None:
    """An interrupted run is resumed by the same command, and by no other choice of files."""
    archive, config = Storage(tmp_path), CompressConfig()
    plain = SourceConfig(url="/photos")
    chosen = plain.model_copy(update={"take": SourceOptions(include=("*.png",), limit=3)})
    runs = [
        RunRecord.resume_or_start(archive, source, config, weights=[]).run
        for source in (plain, chosen, plain, chosen)
    ]
    assert runs[:2] == runs[2:]
    assert runs[0] != runs[1]
