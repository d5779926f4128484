"""Archives to prune."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.store.storage import Storage
from tests.support.prune_steps import many_things, new_archive


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    return new_archive(tmp_path / "archive")


@pytest.fixture(scope="session")
def _with_much_due(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prune") / "archive"
    many_things(new_archive(folder))
    return folder


@pytest.fixture
def much_due(_with_much_due: Path, tmp_path: Path) -> Storage:
    """One of 14 runs in which something of every kind is due."""
    return Storage(shutil.copytree(_with_much_due, tmp_path / "much-due"))
