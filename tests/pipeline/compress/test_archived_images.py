"""Images of an archive as a source."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pipeline.compress.archived_images import failed_images
from pipeline.source.source import Source
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage


def test_it_does_not_travel_but_its_config_does(tmp_path: Path) -> None:
    source = failed_images(Storage(tmp_path), StorageOptions())
    with pytest.raises(TypeError, match="Expected a source that lists by itself, got rows of an archive"):
        pickle.dumps(source)
    copy: Source = pickle.loads(pickle.dumps(Source(source.config)))
    assert copy.config == source.config
