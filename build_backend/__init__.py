"""Builds Tenfold (PEP 517): setuptools, but a wheel holds one package, `tenfold`, with the rooms below it.

In the checkout `codec`, `pipeline` and `jobs` lie at the top and import each other by these names, and so does an
editable install. docs/decisions/0008-one-name-when-installed.md says why.
"""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import build_editable, build_sdist, prepare_metadata_for_build_editable

from build_backend.one_name import one_name_tree

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "prepare_metadata_for_build_editable",
]


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Write the wheel of the source tree in the current folder; returns its file name.

    Raises:
        UnmovableError: a file names a room in a way that would not be true below `tenfold`.
    """
    to = str(Path(wheel_directory).resolve())
    with one_name_tree(Path.cwd()) as tree, chdir(tree):
        return str(build_meta.build_wheel(to, config_settings))
