"""What Storage does before it reaches a store: it opens the right one late, or says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.archive.delta_access import delta_options, delta_url
from pipeline.errors import StorageError
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage


def test_nothing_is_contacted_before_the_first_operation(tmp_path: Path) -> None:
    Storage("s3://bucket/x", StorageOptions(endpoint_url="http://127.0.0.1:9"))
    Storage("gs://bucket/x")
    Storage(tmp_path / "not there")
    assert not (tmp_path / "not there").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("gs://bucket/x", r"the plug-in for gs://.*pip install gcsfs"),
        ("az://container/x", r"the plug-in for az://.*pip install adlfs"),
        ("nonsense://x/y", r"a protocol fsspec knows .*, got nonsense:// at nonsense://x/y"),
    ],
)
def test_a_protocol_that_is_not_there(url: str, message: str) -> None:
    with pytest.raises(StorageError, match=message):
        Storage(url).read("a")


@pytest.mark.parametrize(
    ("url", "delta"),
    [("/data/archive", "/data/archive"), ("s3://b/p q", "s3://b/p q"), ("gs://b/p", "gs://b/p")],
)
def test_delta_url(url: str, delta: str) -> None:
    assert delta_url(Storage(url)) == delta


def test_delta_lake_cannot_write_everywhere() -> None:
    with pytest.raises(StorageError, match=r"that Delta Lake can write to .*, got memory:// at memory://x"):
        delta_url(Storage("memory://x"))
    assert delta_options(Storage("/data")) == {}
