"""The name of an archive means one place to deltalake and to the store, or it is refused before anything is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.delta_access import delta_url
from pipeline.errors import StorageError
from pipeline.store.storage import Storage
from tests.support.image_archives import fill
from tests.support.road import tenfold
from tests.support.seaweed import S3Server
from tests.support.shard_rows import kept_row

_REFUSED_SIGNS = "[]\\^|"
_SOUND = [
    f"x{chr(code)}y"
    for code in range(32, 127)
    if not chr(code).isalnum() and chr(code) not in f"/{_REFUSED_SIGNS}"
]
SOUND_FOLDERS = (
    *_SOUND,
    *("x\x85y", "x\u2028y", "x\u00a0y", "x%zz", "%", " x", "x ", ".x", "..x", "x.", "s3:", "~"),
    *("日本", "e\u0301", "\U0001f600"),
)
REFUSED_FOLDERS = (
    *(f"x{sign}y" for sign in (*_REFUSED_SIGNS, "\t", "\n", "\x01", "\x7f", "%20", "%e9", "%25")),
    os.fsdecode(b"x\xe9y"),
)
REFUSED_PREFIXES = (
    *("x%20y", "x#y", "x?y", "x//y", "/x", "x/./y", "x/../y", "x[y", "x\\y", "x\ty", "x\x85y", "x\u2028y"),
)


def _check_lies_whole(url: str) -> None:
    """See that an archive of two commits can be made there, and that all of it lies there."""
    for number in range(2):
        fill(url, [kept_row(f"{number}.png")], number)
    assert sorted(Catalogue(Storage(url)).table(["key"])["key"].to_pylist()) == ["0.png", "1.png"]
    objects = [info.path for info in Storage(url).list()]
    assert {path.partition("/")[0] for path in objects} == {"catalogue", "shards"}
    assert sum(path.endswith(".json") for path in objects) == 3


def _check_refused(url: str) -> None:
    with pytest.raises(StorageError, match="under a name that Delta Lake reads as it is written"):
        fill(url, [kept_row("a.png")])


def test_folders_with_sound_names_hold_an_archive(tmp_path: Path) -> None:
    _check_lies_whole(str(tmp_path.joinpath(*SOUND_FOLDERS)))


def test_folders_with_other_names_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    for name in REFUSED_FOLDERS:
        _check_refused(str(tmp_path / name))
    assert not list(tmp_path.iterdir())


def test_prefixes_hold_an_archive_or_are_refused_before_anything_is_written(s3_env: S3Server) -> None:
    bucket = s3_env.bucket()
    for name in REFUSED_PREFIXES:
        _check_refused(f"s3://{bucket}/{name}")
    assert not list(Storage(f"s3://{bucket}").list())
    _check_lies_whole(f"s3://{bucket}/x y/x%y/x+y=&/x*y:{{}}~/日本")


def test_a_link_to_a_folder_is_known_by_the_folders_name(tmp_path: Path) -> None:
    (tmp_path / "x%20y").mkdir()
    (tmp_path / "link").symlink_to("x%20y")
    with pytest.raises(StorageError, match="got '%20' at"):
        delta_url(Storage(tmp_path / "link"))


def test_a_verb_that_would_make_such_an_archive_leaves_nothing(tmp_path: Path, photos: Path) -> None:
    for words in (("compress", "--codec", "ae-zfp-1"), ("nightly",)):
        ran = tenfold(*words, photos, tmp_path / "in%20here" / "arc", "--workers", "0")
        assert ran.code == 1
        assert "got '%20'" in ran.err
        assert not list(tmp_path.iterdir())
