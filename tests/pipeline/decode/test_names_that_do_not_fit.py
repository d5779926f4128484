"""An image whose name the destination cannot hold is written under one that it can, and that is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.decode.file_names import fitting_path, spare_paths
from pipeline.store.local_store import LocalStore
from pipeline.store.name_limits import NameLimits, limits_of
from tests.support.image_archives import fill
from tests.support.road import Ran, tenfold
from tests.support.shard_rows import kept_row

LOCAL = NameLimits(segment_bytes=255, path_bytes=4000, has_folders=True)


def content(key: str) -> bytes:
    return f"content of {key}".encode()


def archive_of(folder: Path, *keys: str) -> str:
    return fill(str(folder / "arc"), [kept_row(key, content(key)) for key in keys])


def decode(archive: str, to: Path, *more: str) -> Ran:
    return tenfold("decode", archive, to, "--workers", "0", "--json", *more)


def check_all_there(archive: str, to: Path, keys: list[str], renamed: set[str], *more: str) -> None:
    """See that each key's content lies under its name, or under the one that was told; and that a second run knows."""
    ran = decode(archive, to, *more)
    assert ran.code == 0, ran.err
    renamed_to = {one["key"]: one["name"] for one in ran.json()["renamed"]}
    assert renamed_to.keys() == renamed
    for key in keys:
        assert (to / renamed_to.get(key, key)).read_bytes() == content(key)
    again = decode(archive, to, "--skip-existing")
    assert (again.code, again.json()["existing"], again.json()["written"]) == (0, len(keys), 0)


def test_each_image_gets_a_name(tmp_path: Path) -> None:
    fits, too_long, same_start = "é" * 125 + ".tif", "é" * 200 + "1.tif", "é" * 200 + "2.tif"
    deep, folder = "/".join(["d" * 200] * 30) + "/a.tif", "f" * 300 + "/a.tif"
    odd = ["trailing. ", "dots...", "new\nline.tif", "a\\b.tif", "-rf", "~", "CON.tif"]
    renamed = {
        too_long,
        same_start,
        deep,
        folder,
        "folder.tif",
        "a/b/c",
        "nul\0.tif",
        "../up.tif",
        "/abs.tif",
    }
    keys = [fits, *odd, *renamed, "folder.tif/in.tif", "a/b/c/d/e.tif"]
    archive = archive_of(tmp_path, *keys)
    check_all_there(archive, tmp_path / "out", keys, renamed)
    said = tenfold("decode", archive, tmp_path / "again", "--workers", "0").err
    assert "renamed: folder.tif: folder~" in said


def test_a_name_that_is_no_text_comes_back_under_its_key_and_that_is_said(tmp_path: Path) -> None:
    row = kept_row("bad%FF.tif", content("bad%FF.tif"), source_url="file:///photos/bad%FF.tif")
    archive = fill(str(tmp_path / "arc"), [row, kept_row("50%FF.tif", content("50%FF.tif"))])
    check_all_there(archive, tmp_path / "out", ["bad%FF.tif", "50%FF.tif"], {"bad%FF.tif"})


def test_names_that_one_disk_takes_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on disks that do not tell case, or that drop trailing dots and spaces."""
    exact = LocalStore._file
    monkeypatch.setattr(LocalStore, "_file", lambda self, path: exact(self, path).lower().rstrip(" ."))
    keys = ["a.tif", "A.tif", "A.TIF", "b.", "b"]
    archive = archive_of(tmp_path, *keys)
    ran = decode(archive, tmp_path / "out")
    assert ran.code == 0
    renamed_to = {one["key"]: one["name"] for one in ran.json()["renamed"]}
    assert len(renamed_to) == 3
    for key in keys:
        path = exact(LocalStore(str(tmp_path / "out")), renamed_to.get(key, key)).lower().rstrip(" .")
        assert Path(path).read_bytes() == content(key)


def test_what_stands_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out" / "b.tif").mkdir(parents=True)
    (tmp_path / "out" / "sub").write_text("somebody's")
    (tmp_path / "out" / "c.tif").symlink_to("nothing")
    keys = ["sub/a.tif", "b.tif", "c.tif"]
    check_all_there(archive_of(tmp_path, *keys), tmp_path / "out", keys, set(keys))
    assert (tmp_path / "out" / "sub").read_text() == "somebody's"


def test_short_names_never_meet_and_are_the_same_each_time() -> None:
    paths = [f"{'x' * 300}{number}.jpg" for number in range(50)]
    names = [fitting_path(path, LOCAL) for path in paths]
    assert len(set(names)) == len(paths)
    assert all(len(name.encode()) <= 255 and name.endswith(".jpg") for name in names)
    assert names == [fitting_path(path, LOCAL) for path in paths]
    assert fitting_path("a/b.jpg", LOCAL) == "a/b.jpg"
    for spare in spare_paths(f"a/{'é' * 120}.jpg", LOCAL):
        assert max(len(part.encode()) for part in spare.split("/")) <= 255


def test_limits_are_those_of_the_store(tmp_path: Path) -> None:
    assert limits_of(str(tmp_path / "not there")).segment_bytes <= 255
    assert limits_of("/").has_folders
    bucket = limits_of("s3://bucket/some/prefix")
    assert (bucket.has_folders, bucket.path_bytes) == (False, 1024 - len("some/prefix/"))
