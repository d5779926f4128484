"""What is served is a version that was read a moment ago; the shards of it may be gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.http.problems import HttpProblem
from pipeline.serve.routes.raw import original_answer
from pipeline.serve.routes.stored import answer_stored
from pipeline.serve.site import Site
from pipeline.store.storage import Storage
from tests.support.image_archives import fill
from tests.support.painted_site import Painter, opened_here
from tests.support.shard_rows import kept_row

KEY = "a.png"


def raw(site: Site) -> Response:
    request = Request(
        {"type": "http", "method": "GET", "headers": [], "query_string": b"", "path": f"/raw/{KEY}"}
    )
    return asyncio.run(answer_stored(site, KEY, lambda row: original_answer(site, request, row, {})))


def test_an_image_whose_shard_was_pruned_is_answered_from_the_newest_version(
    tmp_path: Path,
) -> None:
    archive = Storage(fill(str(tmp_path / "archive"), [kept_row(KEY, b"old")]))
    site = opened_here(archive, Painter())
    assert raw(site).body == b"old"
    old = site.index.find(KEY)
    assert old is not None
    fill(archive.url, [kept_row(KEY, b"new", source_etag="newer")], number=1)
    assert raw(site).body == b"old", "while it is there"
    archive.delete(old.shard)
    assert raw(site).body == b"new"

    newest = site.index.find(KEY)
    assert newest is not None
    archive.delete(newest.shard)
    with pytest.raises(HttpProblem, match="got nothing there") as refused:
        raw(site)
    assert refused.value.status_code == 500
