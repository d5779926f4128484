"""What a user installs: one name in site-packages, everything in it, and the whole road from another folder."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from build_backend.one_name import NAME, ROOMS
from pipeline.own_code import VERSION
from tests.support.installed import ROOT, Installed

_IMPORT_ALL = """
import importlib, pkgutil, runpy, sys
import tenfold

def fail(name):
    raise ImportError(name)

names = [module.name for module in pkgutil.walk_packages(tenfold.__path__, "tenfold.", onerror=fail)]
for name in names:
    importlib.import_module(name)
assert tenfold.Archive is tenfold.pipeline.decode.archive.Archive
print(len(names), tenfold.__version__, *sorted({"codec", "pipeline", "jobs"} & set(sys.modules)))
sys.argv = ["train", "--help"]
runpy.run_module("tenfold.codec.train", run_name="__main__")
"""

_IMPORT_WITHOUT_EXTRAS = """
import sys

class NoExtras:
    def find_spec(self, name, path=None, target=None):
        if name in {"scipy", "matplotlib", "pillow_jxl", "pillow_heif", "ssimulacra2", "pandas", "pytest"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoExtras())
import fsspec
assert "tenfold" not in sys.modules
assert fsspec.get_filesystem_class("tenfold").__module__ == "tenfold.pipeline.files.filesystem"
assert "torch" not in sys.modules
import tenfold.__main__
from tenfold import Archive
"""


def _files_in(*folders: str) -> set[str]:
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in paths if "__pycache__" not in path.parts}


def test_an_install_takes_one_name(installed: Installed) -> None:
    assert {name.partition("-")[0] for name in installed.came} == {"tenfold"}
    assert len(installed.came) == 2, "the package, and its .dist-info"
    assert (installed.bin / "tenfold").is_file()


def test_the_wheel_of_an_sdist_holds_what_the_rooms_hold(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        came = {name for name in wheel.namelist() if not name.split("/")[0].endswith(".dist-info")}
        (top_level,) = [name for name in wheel.namelist() if name.endswith("/top_level.txt")]
        assert wheel.read(top_level).split() == [b"tenfold"]
        entry_points = wheel.read(top_level.replace("top_level", "entry_points")).decode().split()
        assert {"[fsspec.specs]", "tenfold:ArchiveFileSystem"} <= set(entry_points)
    assert came == _files_in(NAME) | {f"tenfold/{file}" for file in _files_in(*ROOMS)}


def test_every_module_is_imported_and_none_of_another_package(installed: Installed, tmp_path: Path) -> None:
    out = installed.run("python", "-c", _IMPORT_ALL, cwd=tmp_path)
    imported, usage, *_ = out.splitlines()
    count, version, *foreign = imported.split()
    assert (version, foreign) == (VERSION, [])
    assert int(count) == sum(file.endswith(".py") for file in _files_in(NAME, *ROOMS)) - 1  # itself
    assert usage.startswith("usage: python -m tenfold.codec.train ")


def test_the_command_and_the_archive_need_no_extra(installed: Installed, tmp_path: Path) -> None:
    installed.run("python", "-c", _IMPORT_WITHOUT_EXTRAS, cwd=tmp_path)


@pytest.mark.ray
def test_the_whole_road(installed: Installed, photos: Path, tmp_path: Path) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    Image.open(photos / "kodim03.png").crop((0, 0, 256, 192)).save(source / "a.png")
    # Ray's workers have the folder of the driver at hand: a checkout, whose `tenfold` is not the installed one
    printed = installed.run(
        "tenfold", "compress", source, tmp_path / "archive", "--workers", "1", "--json", cwd=ROOT
    )
    assert json.loads(printed)["coded"] == 1
    installed.run("tenfold", "decode", "archive", "back", "--workers", "0", cwd=tmp_path)
    with Image.open(tmp_path / "back" / "a.png") as decoded:
        assert decoded.size == (256, 192)
