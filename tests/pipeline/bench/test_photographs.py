"""A source that exists as a listing only."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from urllib.parse import quote

import pytest

from pipeline.bench.counting_proxy import CountingProxy
from pipeline.bench.listed_bucket import list_objects, listed_url
from pipeline.bench.photographs import Photographs
from pipeline.source.parse import parse_source
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage


def _listed(**query: str) -> list[str]:
    """Every name and folder that a client sees who asks page by page, as it does."""
    names: list[str] = []
    while True:
        page = ElementTree.fromstring(list_objects({"max-keys": "7", **query}))
        space = page.tag.removesuffix("ListBucketResult")
        names += [found.text or "" for found in page.iter(f"{space}Key")]
        names += [
            found.findtext(f"{space}Prefix", "").removesuffix("/")
            for found in page.iter(f"{space}CommonPrefixes")
        ]
        token = page.findtext(f"{space}NextContinuationToken")
        assert (page.findtext(f"{space}IsTruncated") == "true") == (token is not None)
        if token is None:
            return names
        query["continuation-token"] = token


def test_the_pages_of_a_listing_are_the_photographs() -> None:
    everything = [f"2040/{name}" for name in Photographs(2040)]
    assert _listed(prefix="2040/") == everything
    assert _listed(prefix="2040/000001/") == everything[1000:2000]
    assert _listed(prefix="2040/", delimiter="/") == ["2040/000000", "2040/000001", "2040/000002"]
    assert _listed(prefix="2040/", **{"start-after": everything[2035]}) == everything[2036:]
    assert _listed(prefix="none/") == []


def test_files_are_as_the_listing_says(tmp_path: Path) -> None:
    photographs = Photographs(12)
    photographs.make(tmp_path)
    for number, image in enumerate(parse_source(str(tmp_path)).images()):
        facts = photographs.facts(number)
        assert (image.key, image.size, image.mtime) == (photographs[number], facts.size, facts.mtime)


def test_a_proxy_counts_what_a_source_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", quote("none"))
    proxy = CountingProxy("http://127.0.0.1:9")
    with proxy.serving() as here:
        storage = Storage(listed_url(1500), StorageOptions(endpoint_url=here, region="us-east-1"))
        before = proxy.traffic()
        assert [info.path for info in storage.list()] == Photographs(1500)[:]
        came = proxy.traffic().since(before)
    assert came.by_verb.keys() == {"GET"}
    assert came.by_verb["GET"] >= 2
    assert came.read_bytes > 1500 * 100
    assert came.written_bytes == 0
