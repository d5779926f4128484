"""History, diff and `--as-of`, as a user types them, on a folder and on a real S3 server."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.archive.catalogue import Catalogue
from pipeline.store.storage import Storage
from tests.support.road import tenfold
from tests.support.seaweed import S3Server


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def two_nights(source: Path, archive: str, small_photos: Path) -> None:
    """The first night two photos; the second one of them is another picture, and a third came."""
    source.mkdir()
    for name in ("kodim03.png", "kodim05.png"):
        shutil.copy(small_photos / name, source)
    tenfold("compress", str(source), archive, "--workers", "0", "--quality", "5")
    shutil.copy(small_photos / "kodim23.png", source / "kodim05.png")
    shutil.copy(small_photos / "kodim15.png", source)
    tenfold("compress", str(source), archive, "--workers", "0", "--quality", "5")


def look_back(archive: str) -> None:
    versions = tenfold("history", archive, "--json").json()
    assert [(v["version"], v["added"], v["changed"]) for v in versions] == [(2, 1, 1), (1, 2, 0), (0, 0, 0)]
    assert versions[0]["run"] in tenfold("history", archive).out
    changes = tenfold("diff", archive, "1", versions[0]["committed_at"], "--json").json()
    assert [(c["key"], c["change"]) for c in changes] == [
        ("kodim05.png", "changed"),
        ("kodim15.png", "added"),
    ]
    diff = tenfold("diff", archive, "2", "1")
    assert diff.out.startswith("~ kodim05.png  (coded q5 ")
    assert "- kodim15.png  (coded q5 " in diff.out
    assert "Version 2 to 1: 0 added, 1 removed, 1 changed." in diff.err


def decode_both(tmp_path: Path, archive: str, small_photos: Path) -> None:
    then, now = tmp_path / "then", tmp_path / "now"
    tenfold("decode", archive, str(then), "--workers", "0", "--as-of", "1")
    tenfold("decode", archive, str(now), "--workers", "0")
    assert sorted(path.name for path in then.iterdir()) == ["kodim03.png", "kodim05.png"]
    assert sorted(path.name for path in now.iterdir()) == ["kodim03.png", "kodim05.png", "kodim15.png"]
    old, new = (pixels(small_photos / name) for name in ("kodim05.png", "kodim23.png"))
    assert np.abs(pixels(then / "kodim05.png") - old).mean() < 12.0
    assert np.abs(pixels(now / "kodim05.png") - new).mean() < 12.0
    one = tmp_path / "one.png"
    tenfold("get", archive, "kodim05.png", "-o", str(one), "--as-of", "1")
    assert np.array_equal(pixels(one), pixels(then / "kodim05.png"))


def test_a_folder_looks_back(tmp_path: Path, small_photos: Path) -> None:
    archive = str(tmp_path / "archive")
    two_nights(tmp_path / "source", archive, small_photos)
    look_back(archive)
    decode_both(tmp_path, archive, small_photos)
    lines = tenfold("ls", archive, "--as-of", "1").out.splitlines()
    assert len(lines) == 2
    options = ("--out", str(tmp_path / "report"), "--as-of", "1", "--sample", "0", "--json")
    report = tenfold("report", archive, *options)
    assert report.json()["catalogue_version"] == 1


@pytest.mark.s3
def test_a_bucket_looks_back(tmp_path: Path, small_photos: Path, s3_env: S3Server) -> None:
    archive = f"s3://{s3_env.bucket()}/archive"
    two_nights(tmp_path / "source", archive, small_photos)
    look_back(archive)
    listed = tenfold("ls", archive, "--as-of", "1", "--json").json()
    then = tmp_path / "then.png"
    assert tenfold("get", archive, "kodim05.png", "-o", then, "--as-of", "1").code == 0
    assert [row["key"] for row in listed] == ["kodim03.png", "kodim05.png"]
    assert np.abs(pixels(then) - pixels(small_photos / "kodim05.png")).mean() < 12.0


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (("diff", "{archive}", "1", "9"), "a version from 0 to 0", 1),
        (("ls", "{archive}", "--as-of", "1999-12-31"), "a time from 20", 1),
        (("decode", "{archive}", "out", "--as-of", "soon"), "a version's number or a time", 2),
        (("history", "{archive}/none"), "a Tenfold archive", 10),
    ],
)
def test_versions_that_never_were(words: tuple[str, ...], message: str, code: int, tmp_path: Path) -> None:
    Catalogue(Storage(tmp_path / "archive")).create()
    ran = tenfold(*(word.format(archive=tmp_path / "archive") for word in words))
    assert ran.code == code
    assert message in " ".join(ran.err.replace("│", " ").split())
