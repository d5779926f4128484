"""An archive to prune."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.store.storage import Storage
from tests.support.prune_steps import new_archive


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    return new_archive(tmp_path / "archive")
