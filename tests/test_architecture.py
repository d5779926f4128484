"""The house: which room may import which, and through which room each heavy library comes in."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
HOUSE: Final = ("codec", "pipeline", "jobs", "tenfold")

GROUND: Final = {
    "codec": "codec (ground)",
    "pipeline": "pipeline (ground)",
    "jobs": "jobs (verbs)",
    "tenfold": "tenfold",
}
"""Where the files lie that are in no folder: what every room above may import, and the verbs of the command line."""
OWN_ROOM: Final = {
    "codec/registry.py": "codec/registry",
    "codec/train_config.py": "codec/train",
    "pipeline/__init__.py": "pipeline (face)",
    "pipeline/config.py": "pipeline/config",
    "pipeline/config_file.py": "pipeline/config",
    "pipeline/doctor.py": "pipeline/doctor",
    "jobs/main.py": "jobs/main",
    "jobs/options.py": "jobs/options",
    "jobs/source_options.py": "jobs/options",
    "jobs/watched.py": "jobs/options",
}
"""Files beside the ground that are rooms of their own."""

MAY_IMPORT: Final[dict[str, set[str]]] = {
    "codec (ground)": set(),
    "codec/entropy": {"codec (ground)"},
    "codec/parts": {"codec (ground)", "codec/entropy"},
    "codec/training": {"codec (ground)"},
    "codec/perception": {"codec (ground)"},
    "codec/bench": {"codec (ground)", "codec/perception"},
    "codec/grid": {"codec (ground)", "codec/entropy", "codec/parts", "codec/training"},
    "codec/families/*": {
        "codec (ground)",
        "codec/entropy",
        "codec/grid",
        "codec/parts",
        "codec/perception",
        "codec/training",
    },
    "codec/registry": {"codec (ground)", "codec/training"},
    "codec/adaptation": {"codec (ground)", "codec/registry", "codec/training"},
    "codec/train": {"codec (ground)", "codec/registry", "codec/training"},
    "pipeline (ground)": set(),
    "pipeline/store": {"pipeline (ground)"},
    "pipeline/image": {"codec (ground)", "pipeline (ground)"},
    "pipeline/packing": {"pipeline (ground)"},
    "pipeline/config": {
        "codec (ground)",
        "codec/registry",
        "pipeline (ground)",
        "pipeline/source",
        "pipeline/store",
    },
    "pipeline/source": {"pipeline (ground)", "pipeline/image", "pipeline/store"},
    "pipeline/archive": {"codec (ground)", "codec/adaptation", "pipeline (ground)", "pipeline/store"},
    "pipeline/workers": {"codec (ground)", "pipeline (ground)", "pipeline/config"},
    "pipeline/metrics": {"pipeline (ground)"},
    "pipeline/training": {
        "codec/training",
        "pipeline (ground)",
        "pipeline/image",
        "pipeline/source",
        "pipeline/store",
    },
    "pipeline/encode": {
        "codec (ground)",
        "codec/registry",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/config",
        "pipeline/image",
        "pipeline/packing",
        "pipeline/source",
        "pipeline/store",
        "pipeline/workers",
    },
    "pipeline/packs": {"pipeline (ground)", "pipeline/archive"},
    "pipeline/decode": {
        "codec (ground)",
        "codec/registry",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/config",
        "pipeline/image",
        "pipeline/packing",
        "pipeline/packs",
        "pipeline/store",
        "pipeline/workers",
    },
    "pipeline/datasets": {
        "codec (ground)",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/decode",
        "pipeline/store",
    },
    "pipeline/adapt": {
        "codec (ground)",
        "codec/adaptation",
        "codec/registry",
        "codec/training",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/config",
        "pipeline/encode",
        "pipeline/image",
        "pipeline/source",
        "pipeline/store",
        "pipeline/workers",
    },
    "pipeline/compress": {
        "codec (ground)",
        "codec/registry",
        "pipeline (ground)",
        "pipeline/adapt",
        "pipeline/archive",
        "pipeline/config",
        "pipeline/encode",
        "pipeline/source",
        "pipeline/store",
        "pipeline/workers",
    },
    "pipeline/plan": {
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/compress",
        "pipeline/config",
        "pipeline/source",
        "pipeline/store",
    },
    "pipeline/verify": {
        "codec (ground)",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/config",
        "pipeline/decode",
        "pipeline/image",
        "pipeline/packing",
        "pipeline/source",
        "pipeline/store",
        "pipeline/workers",
    },
    "pipeline/repair": {
        "codec (ground)",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/compress",
        "pipeline/config",
        "pipeline/source",
        "pipeline/store",
        "pipeline/verify",
        "pipeline/workers",
    },
    "pipeline/companions": {
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/config",
        "pipeline/store",
        "pipeline/workers",
    },
    "pipeline/preview": {
        "codec (ground)",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/companions",
        "pipeline/config",
        "pipeline/decode",
        "pipeline/image",
        "pipeline/store",
    },
    "pipeline/decoders": {
        "codec (ground)",
        "codec/registry",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/store",
    },
    "pipeline/label": {
        "codec (ground)",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/companions",
        "pipeline/config",
        "pipeline/decode",
        "pipeline/store",
    },
    "pipeline/search": {
        "codec (ground)",
        "codec/registry",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/image",
        "pipeline/store",
    },
    "pipeline/prune": {"pipeline (ground)", "pipeline/archive", "pipeline/store"},
    "pipeline/rm": {"pipeline (ground)", "pipeline/archive", "pipeline/store"},
    "pipeline/info": {"pipeline (ground)", "pipeline/archive", "pipeline/store"},
    "pipeline/report": {
        "codec (ground)",
        "codec/bench",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/config",
        "pipeline/decode",
        "pipeline/image",
        "pipeline/packing",
        "pipeline/source",
        "pipeline/store",
        "pipeline/workers",
    },
    "pipeline/bench": {
        "codec (ground)",
        "codec/registry",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/compress",
        "pipeline/config",
        "pipeline/encode",
        "pipeline/image",
        "pipeline/source",
        "pipeline/store",
        "pipeline/workers",
    },
    "pipeline/doctor": {
        "codec (ground)",
        "codec/registry",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/config",
        "pipeline/store",
        "pipeline/workers",
    },
    "pipeline/serve": {
        "codec (ground)",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/decode",
        "pipeline/image",
        "pipeline/metrics",
        "pipeline/packing",
        "pipeline/store",
    },
    "pipeline/files": {
        "codec (ground)",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/decode",
        "pipeline/image",
        "pipeline/packing",
        "pipeline/store",
    },
    "pipeline/serve_cluster": {
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/metrics",
        "pipeline/serve",
        "pipeline/store",
    },
    "pipeline (face)": {"pipeline/datasets", "pipeline/decode", "pipeline/files"},
    "jobs/terminal": {
        "codec (ground)",
        "pipeline (ground)",
        "pipeline/adapt",
        "pipeline/archive",
        "pipeline/companions",
        "pipeline/compress",
        "pipeline/config",
        "pipeline/decode",
        "pipeline/plan",
        "pipeline/report",
        "pipeline/source",
        "pipeline/store",
    },
    "jobs/options": {
        "codec (ground)",
        "jobs/terminal",
        "pipeline (ground)",
        "pipeline/archive",
        "pipeline/config",
        "pipeline/decode",
        "pipeline/metrics",
        "pipeline/source",
    },
    "jobs/bench": {
        "codec (ground)",
        "codec/adaptation",
        "codec/bench",
        "codec/registry",
        "codec/training",
        "jobs/main",
        "jobs/options",
        "jobs/terminal",
        "pipeline (face)",
        "pipeline (ground)",
        "pipeline/bench",
        "pipeline/image",
        "pipeline/source",
        "pipeline/store",
    },
    "jobs (verbs)": {
        "codec (ground)",
        "codec/registry",
        "codec/train",
        "codec/training",
        "jobs/options",
        "jobs/terminal",
        "pipeline (ground)",
        "pipeline/adapt",
        "pipeline/archive",
        "pipeline/companions",
        "pipeline/compress",
        "pipeline/config",
        "pipeline/decode",
        "pipeline/decoders",
        "pipeline/doctor",
        "pipeline/image",
        "pipeline/info",
        "pipeline/plan",
        "pipeline/label",
        "pipeline/preview",
        "pipeline/prune",
        "pipeline/repair",
        "pipeline/report",
        "pipeline/rm",
        "pipeline/search",
        "pipeline/serve",
        "pipeline/serve_cluster",
        "pipeline/source",
        "pipeline/store",
        "pipeline/training",
        "pipeline/verify",
    },
    "jobs/main": {"jobs/terminal", "pipeline (ground)", "pipeline/workers"},
    "tenfold": {"jobs (verbs)", "jobs/main", "pipeline (face)", "pipeline (ground)"},
}
"""From the ground up: a room may import those in its row, and itself. `*` is every family: none imports another.
jobs/main has no row for the verbs: it imports the one that is used, by its name."""

DOORS: Final[dict[str, set[str]]] = {
    "ray": {
        "pipeline/datasets",
        "pipeline/metrics",
        "pipeline/serve_cluster",
        "pipeline/workers",
        "jobs (verbs)",
    },
    "prometheus_client": {"pipeline/metrics"},
    "fsspec": {"pipeline/files", "pipeline/store"},
    "deltalake": {"pipeline/archive"},
    "pyarrow.parquet": {
        "pipeline/archive",
        "pipeline/decode",
        "pipeline/packs",
        "pipeline/prune",
        "pipeline/report",
        "pipeline/training",
    },
    "pyarrow.dataset": {"pipeline/source"},
    "lepton_jpeg_python": {"pipeline/packing"},
    "starlette": {"pipeline/serve", "pipeline/serve_cluster"},
    "uvicorn": {"pipeline/serve"},
    "cachetools": {"pipeline/serve"},
    "typer": {"jobs (verbs)", "jobs/bench", "jobs/main", "jobs/options"},
    "rich": {"jobs/terminal"},
}
"""Rooms that may import a library; every other room reaches it through them."""
NOT_IN_CODEC: Final = {"ray", "fsspec", "pyarrow", "deltalake", "s3fs", "typer", "rich"}


def _files() -> list[str]:
    """Every file of the house but the faces that are empty."""
    paths = (path for part in HOUSE for path in (ROOT / part).rglob("*.py"))
    return sorted(path.relative_to(ROOT).as_posix() for path in paths if path.stat().st_size)


FILES: Final = _files()


def room_of(file: str) -> str:
    """The room that a file lies in: its folder, a family's folder, or the ground of its part of the house."""
    if file in OWN_ROOM:
        return OWN_ROOM[file]
    part, *folders = file.split("/")[:-1]
    if not folders:
        return GROUND[part]
    return "/".join([part, *folders[: 2 if folders[0] == "families" else 1]])


def row_of(room: str) -> str:
    """The row of the table that a room has: families share one, so that a new one edits nothing here."""
    return "codec/families/*" if room.startswith("codec/families/") else room


def is_face(file: str) -> bool:
    """Whether a file only hands on what its folder holds."""
    return file.endswith("/__init__.py")


def _module_files(name: str) -> list[str]:
    path = name.replace(".", "/")
    return [file for file in (f"{path}.py", f"{path}/__init__.py") if file in FILES]


@cache
def _imports(file: str) -> list[tuple[int, str]]:
    """Line and dotted name of everything that a file imports, wherever the import stands."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{file}:{node.lineno} imports relatively"
            found.append((node.lineno, node.module))
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


@pytest.mark.parametrize("room", sorted({room_of(file) for file in FILES}))
def test_a_room_imports_what_its_row_names(room: str) -> None:
    assert row_of(room) in MAY_IMPORT, f"{room} is a new room: give it a row"
    wrong = []
    for file in FILES:
        if room_of(file) != room:
            continue
        for line, name in _imports(file):
            for target in _module_files(name):
                below = is_face(file) and target.startswith(file.removesuffix("__init__.py"))
                if room_of(target) not in MAY_IMPORT[row_of(room)] | {room} and not below and target != file:
                    wrong.append(f"{file}:{line} imports {target} of {room_of(target)}")
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_every_arrow_of_the_table_is_in_use() -> None:
    used = {
        (row_of(room_of(file)), room_of(target))
        for file in FILES
        for _, name in _imports(file)
        for target in _module_files(name)
    }
    arrows = {(room, other) for room, others in MAY_IMPORT.items() for other in others}
    assert not arrows - used, sorted(arrows - used)


def test_the_table_has_no_circle() -> None:
    ended: set[str] = set()

    def visit(room: str, above: tuple[str, ...]) -> None:
        assert room not in above, " -> ".join([*above, room])
        if room not in ended:
            for other in MAY_IMPORT[room]:
                visit(other, (*above, room))
            ended.add(room)

    for room in MAY_IMPORT:
        visit(room, ())


@pytest.mark.parametrize("library", DOORS)
def test_a_heavy_library_comes_in_through_its_doors(library: str) -> None:
    users = {
        room_of(file)
        for file in FILES
        for _, name in _imports(file)
        if name == library or name.startswith(f"{library}.")
    }
    assert users == DOORS[library]


def test_the_codec_runs_on_a_bare_machine() -> None:
    for file in FILES:
        if file.startswith("codec/"):
            assert not {name.split(".")[0] for _, name in _imports(file)} & NOT_IN_CODEC, file


def test_a_name_of_a_class_means_one_thing() -> None:
    """Families, and what small ones share, call equal parts by equal names."""
    where: dict[str, set[str]] = {}
    for file in FILES:
        place = "families" if file.startswith(("codec/families/", "codec/grid/")) else file
        for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where.setdefault(node.name, set()).add(place)
    assert not {name: sorted(places) for name, places in where.items() if len(places) > 1}


SHARED_SUITES = {"tests.codec.test_contract", "tests.test_architecture"}
"""The suite that every codec passes, and the table of rooms, which the docs show."""


def test_what_tests_share_lies_in_support() -> None:
    for file in sorted((ROOT / "tests").rglob("*.py")):
        for module in re.findall(r"^ *from (\S+) import", file.read_text(encoding="utf-8"), re.MULTILINE):
            last = module.rpartition(".")[2]
            assert module in SHARED_SUITES or not last.startswith("test_"), f"{file} imports {module}"
            assert last != "conftest", f"{file} imports {module}"


def test_tests_mirror_the_tree() -> None:
    for part in ("codec", "pipeline", "jobs"):
        for file in sorted((ROOT / "tests" / part).rglob("*.py")):
            folder = file.parent.relative_to(ROOT / "tests")
            assert (ROOT / folder).is_dir(), f"{file} tests {folder}, which is not there"
            is_test = file.name.startswith("test_") or file.name in {"__init__.py", "conftest.py"}
            assert is_test, f"{file} is no test: what tests share lies in tests/support"
