"""The house: imports run one way, and each heavy library has one door."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BELOW = {"codec": set[str](), "pipeline": {"codec"}, "jobs": {"codec", "pipeline"}}
DOORS = {
    "ray": {"pipeline/actors.py", "jobs/submit.py"},
    "fsspec": {"pipeline/storage.py"},
    "pyarrow.parquet": {
        "pipeline/shards.py",
        "pipeline/sources.py",
        "pipeline/image_table.py",
        "pipeline/report/image_rows.py",
        "pipeline/report/beside.py",
        "pipeline/references.py",  # one column of the catalogue's own files, each read once whatever the versions
        "pipeline/checkpoint.py",  # how many actions a checkpoint holds, which the hint to it must say
    },
    "deltalake": {
        "pipeline/archive_table.py",
        "pipeline/catalogue.py",
        "pipeline/delta_errors.py",
        "pipeline/checkpoint.py",  # makes one in a temporary folder: no table of an archive is opened there
    },
}
NOT_IN_CODEC = {"ray", "fsspec", "pyarrow", "deltalake", "s3fs", "typer"}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", BELOW)
def test_imports_run_one_way(room: str) -> None:
    rooms = set(BELOW)
    for path in _files(room):
        used = {name.split(".")[0] for name in _imports(path)} & rooms
        assert used <= BELOW[room] | {room}, f"{path} imports {used}"


@pytest.mark.parametrize("library", DOORS)
def test_each_heavy_library_has_one_door(library: str) -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for room in BELOW
        for path in _files(room)
        if any(name == library or name.startswith(library + ".") for name in _imports(path))
    }
    assert users <= DOORS[library]
    assert users, f"nothing imports {library}: is this test still about the project?"


def test_the_codec_runs_on_a_bare_machine() -> None:
    for path in _files("codec"):
        assert not {name.split(".")[0] for name in _imports(path)} & NOT_IN_CODEC, path
