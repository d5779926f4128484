"""The source tree of a wheel: the rooms of a checkout below `tenfold`, so that an install takes one name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from build_backend.imports import moved

NAME: Final = "tenfold"
ROOMS: Final = ("codec", "pipeline", "jobs")
_METADATA_FILES: Final = ("pyproject.toml", "README.md", "LICENSE")
"""What the metadata of a wheel is made from."""
_CONTENTS: Final = f"graft {NAME}\n"
"""Data files lie beside the code that reads them: everything in the tree is part of the wheel."""


@contextmanager
def one_name_tree(checkout: Path) -> Iterator[Path]:
    """A temporary folder that setuptools builds the wheel from; the checkout stays as it is.

    Raises:
        UnmovableError: a file names a room in a way that would not be true below `tenfold`.
    """
    modules = house_modules(checkout)
    with TemporaryDirectory(prefix=f"{NAME}-wheel-") as folder:
        tree = Path(folder)
        for name in _METADATA_FILES:
            shutil.copy(checkout / name, tree)
        (tree / "MANIFEST.in").write_text(_CONTENTS, encoding="utf-8")
        compiled = shutil.ignore_patterns("__pycache__")
        shutil.copytree(checkout / NAME, tree / NAME, ignore=compiled)
        for room in ROOMS:
            shutil.copytree(checkout / room, tree / NAME / room, ignore=compiled)
        for path in sorted((tree / NAME).rglob("*.py")):
            where = path.relative_to(tree / NAME).as_posix()
            source = path.read_bytes()
            path.write_bytes(moved(source, below=NAME, modules=modules, where=where))
        yield tree


def house_modules(checkout: Path) -> frozenset[str]:
    """Dotted names of all packages and modules in the rooms: `codec`, `codec.tiles`, `pipeline.store.urls`, ..."""
    files = (path.relative_to(checkout) for room in ROOMS for path in (checkout / room).rglob("*.py"))
    return frozenset(".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files)
