"""Which files of a source are taken: by glob, by content, as others, the first so many; and each file once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import SourceError
from pipeline.source.options import SourceOptions
from pipeline.source.parse import parse_source
from pipeline.source.source import Source
from pipeline.store.storage import Storage

_PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def make(root: Path, *names: str, data: bytes = b"words") -> None:
    for name in names:
        Storage(root).write(name, data)


def source_of(text: str | Path, **take: Any) -> Source:
    return parse_source(str(text), take=SourceOptions(**take))


def keys(source: Source) -> list[str]:
    return [image.key for image in source.images()]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    make(tmp_path, "a.jpg", "holiday/b.png", "holiday/sea/c.png", "trash/d.jpg", "b.xmp", "holiday/sea/d.mp4")
    return tmp_path


@pytest.mark.parametrize(
    ("take", "wanted", "filtered"),
    [
        ({"include": "*.png"}, ["holiday/b.png", "holiday/sea/c.png"], 4),
        ({"include": ["holiday/*.png"]}, ["holiday/b.png"], 5),
        (
            {"include": ["*.png", "*.jpg"], "exclude": ["trash/"]},
            ["a.jpg", "holiday/b.png", "holiday/sea/c.png"],
            3,
        ),
        ({"include": "*.png", "exclude": "**/sea/**"}, ["holiday/b.png"], 5),
    ],
)
def test_globs_over_keys(photos: Path, take: dict[str, Any], wanted: list[str], filtered: int) -> None:
    source = source_of(photos, **take)
    assert keys(source) == wanted
    assert source.notes.filtered == filtered
    covers = source.coverage()
    assert [key for key in keys(source_of(photos)) if covers(str(photos / key))] == wanted


def test_globs_that_leave_nothing(photos: Path) -> None:
    with pytest.raises(SourceError, match=r"got 6 files that --include and --exclude leave out at .*; check"):
        keys(source_of(photos, include=["*.gif"]))
    with pytest.raises(ValidationError, match=r"Expected a glob over keys, got '\[z-a\]'"):
        SourceOptions(include=("[z-a]",))


def test_the_first_so_many(photos: Path) -> None:
    source = source_of(photos, limit=2)
    assert (keys(source), source.notes.limited) == (["a.jpg", "holiday/b.png"], True)
    with pytest.raises(
        SourceError, match="Expected a whole source to follow deletes in, got the first 2 images"
    ):
        source.coverage()
    source = source_of(photos, limit=4)
    assert (len(keys(source)), source.notes.limited) == (4, False)


def test_what_is_no_image_is_kept_on_request(photos: Path) -> None:
    make(photos, "._a.jpg", "e.jpg~")
    source = source_of(photos, others="keep")
    found = {image.key: image.prior.kept for image in source.images()}
    reason = "not an image: stored as it is"
    assert {key: kept for key, kept in found.items() if kept} == dict.fromkeys(
        ["._a.jpg", "b.xmp", "e.jpg~", "holiday/sea/d.mp4"], reason
    )
    assert len(found) == 8
    assert (source.notes.others, source.notes.skipped) == (4, 0)
    assert source.coverage()(str(photos / "gone.txt"))
    assert not source_of(photos).coverage()(str(photos / "gone.txt")), "nobody looks for it any more"


def test_images_are_known_by_content(photos: Path) -> None:
    make(photos, "IMG_0001", "holiday/x.dat", *(f"many/{number}" for number in range(40)), data=_PNG)
    make(photos, "empty", data=b"")
    source = source_of(photos, sniff=True)
    found = keys(source)
    assert found == sorted(found)
    assert set(found) == {
        "IMG_0001",
        "holiday/x.dat",
        *(f"many/{n}" for n in range(40)),
        *keys(source_of(photos)),
    }
    assert source.notes.skipped == 3
    both = source_of(photos, sniff=True, others="keep")
    kept = {image.key for image in both.images() if image.prior.kept}
    assert kept == {"b.xmp", "empty", "holiday/sea/d.mp4"}


def test_a_file_that_cannot_be_looked_into_is_not_lost(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(photos, "locked", data=_PNG)

    def refuse(storage: Storage, path: str, offset: int, length: int) -> bytes:
        raise PermissionError(path)

    monkeypatch.setattr(Storage, "read_range", refuse)
    assert "locked" in keys(source_of(photos, sniff=True))


def test_each_file_once(tmp_path: Path) -> None:
    root = tmp_path / "root"
    make(tmp_path, "root/real/x.jpg", "root/store/abc", "elsewhere/y.png")
    for link, target in {
        "favourite.jpg": "root/real/x.jpg",
        "again.jpg": "root/store/abc",
        "by-link.jpg": "root/store/abc",
        "folder": "root/real",
        "out": "elsewhere",
        "out-again": "elsewhere",
        "z.png": "elsewhere/y.png",
        "lost.jpg": "nowhere",
    }.items():
        (root / link).symlink_to(tmp_path / target)
    os.mkfifo(root / "pipe.png")
    source = source_of(root)
    assert keys(source) == ["again.jpg", "lost.jpg", "out-again/y.png", "real/x.jpg"]
    assert source.notes.linked == 5
    assert (source.notes.dangling, source.notes.special, source.notes.skipped) == (["lost.jpg"], 1, 1)
    assert keys(source_of(f"{root}/*.jpg")) == ["again.jpg", "favourite.jpg", "lost.jpg"]
    assert keys(source_of(root, exclude=["real/"])) == [
        "again.jpg",
        "favourite.jpg",
        "lost.jpg",
        "out-again/y.png",
    ]


def test_the_archive_is_no_part_of_its_source_by_whatever_path(tmp_path: Path) -> None:
    make(tmp_path, "photos/a.jpg", "photos/archive/shards/x")
    (tmp_path / "mirror").symlink_to(tmp_path / "photos")
    make(tmp_path, "disk/elsewhere/shards/y")
    (tmp_path / "photos" / "disk").symlink_to(tmp_path / "disk")
    elsewhere = parse_source(
        str(tmp_path / "photos"),
        take=SourceOptions(others="keep", exclude=("archive/",)),
        exclude=str(tmp_path / "disk" / "elsewhere"),
    )
    assert keys(elsewhere) == ["a.jpg"]
    for folder in ("photos", "mirror"):
        for archive in ("photos", "mirror"):
            source = parse_source(
                str(tmp_path / folder),
                take=SourceOptions(others="keep"),
                exclude=str(tmp_path / archive / "archive"),
            )
            assert keys(source) == ["a.jpg", "disk/elsewhere/shards/y"]


def test_what_was_not_seen_is_not_gone(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("/holiday"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (photos / "drive").symlink_to(photos / "not-mounted")
    source = source_of(photos)
    assert keys(source) == ["a.jpg", "trash/d.jpg"]
    (place,) = source.notes.unlisted
    assert (place.path, "permission denied" in place.reason) == ("holiday", True)
    covers = source.coverage()
    assert [
        covers(str(photos / name)) for name in ("holiday/b.png", "drive/z.jpg", "holidays.jpg", "x.jpg")
    ] == [
        False,
        False,
        True,
        True,
    ]
