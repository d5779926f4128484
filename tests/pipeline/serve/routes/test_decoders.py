"""What another decoder shows of an image has addresses of its own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from pipeline.archive.decoders import remove_decoders, store_decoder
from pipeline.serve.app import make_app
from pipeline.serve.decoding.contract import Made
from pipeline.serve.view import View
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from tests.support.image_archives import fill
from tests.support.painted_site import Painter, opened_here
from tests.support.shard_rows import kept_row, make_row


class Noting(Painter):
    """Decoders that say which of a codec's was asked for."""

    async def make(self, row: CatalogueRow, view: View | None, *, alone: bool = False) -> Made:
        return Made(data=b"" if view is None else view.decoder.encode())


class Site:
    """A site that is asked without a socket."""

    def __init__(self, archive: str) -> None:
        self._app = make_app(opened_here(Storage(archive), Noting()))

    def get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        raw, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": "GET",
            "path": unquote(raw),
            "raw_path": raw.encode(),
            "root_path": "",
        }
        scope |= {
            "query_string": query.encode(),
            "headers": [(b"host", b"x")],
            "scheme": "http",
            "server": ("x", 80),
        }
        sent: list[Any] = []

        async def receive() -> Any:
            await asyncio.sleep(60)

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self._app(scope, receive, send))
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent[1:])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    facts: dict[str, Any] = {"width": 40, "height": 30}
    return Site(
        fill(str(tmp_path / "a"), [make_row("a.png", codec="classic-1", **facts), kept_row("k.png", **facts)])
    )


def test_an_image_is_shown_by_the_decoder_that_is_asked_for(site: Site) -> None:
    assert site.get("/image/a.png")[2] == b"faithful"
    status, headers, body = site.get("/image/a.png?decoder=sampled&v=none")
    assert (status, body) == (200, b"sampled")
    assert headers["etag"] != site.get("/image/a.png")[1]["etag"]
    assert site.get("/image/k.png?decoder=sampled&format=png")[2] == b"faithful"
    status, _, body = site.get("/image/a.png?decoder=crayon")
    assert status == 400
    assert "Expected a decoder of classic-1, one of faithful, sampled, got 'crayon'." in body.decode()


def test_another_file_of_the_same_decoder_is_another_picture(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"width": 40, "height": 30}
    archive = Storage(fill(str(tmp_path / "a"), [make_row("a.png", codec="classic-1", **facts)]))

    def etags() -> tuple[str, str]:
        site = Site(archive.url)
        return tuple(site.get(f"/image/a.png?decoder={name}")[1]["etag"] for name in ("faithful", "sampled"))  # type: ignore[return-value]

    seen = [etags()]
    for data in (b"first", b"second"):
        store_decoder(archive, data, name="sampled", shows=bytes(8))
        seen += [etags(), etags()]
        remove_decoders(archive, "sampled")
    faithful, sampled = zip(*seen, strict=True)
    assert len(set(faithful)) == 1
    assert sampled[1] == sampled[2]
    assert sampled[3] == sampled[4]
    assert len(set(sampled)) == 3


def test_it_has_an_image_service_of_its_own(site: Site) -> None:
    status, _, body = site.get("/decoders/sampled/iiif/3/a.png/info.json")
    assert status == 200
    service = json.loads(body)["id"]
    assert service == "http://x/decoders/sampled/iiif/3/a.png"
    status, headers, body = site.get("/decoders/sampled/iiif/3/a.png/full/max/0/default.jpg")
    assert (status, body) == (200, b"sampled")
    assert f"<{service}/full/max/0/default.jpg>" in headers["link"]
    assert headers["access-control-allow-origin"] == "*"
    assert site.get("/iiif/3/a.png/full/max/0/default.jpg")[2] == b"faithful"
    assert site.get("/decoders/crayon/iiif/3/a.png/info.json")[0] == 400
    for colon in (":", "%3A"):
        status, _, body = site.get(f"/decoders/sampled{colon}0.5/iiif/3/a.png/info.json")
        assert (status, b"expected sampled without a strength" in body) == (400, True)


def test_the_page_is_told_which_there_are(site: Site) -> None:
    (decoder,) = json.loads(site.get("/api/images/a.png")[2])["decoders"]
    assert (decoder["name"], decoder["generates"]) == ("sampled", True)
    assert site.get(decoder["image"])[2] == b"sampled"
    assert site.get(decoder["iiif"])[0] == 200
    manifest = json.loads(site.get(decoder["manifest"])[2])
    assert manifest["requiredStatement"]["value"] == {"en": ["generated by sampled"]}
    assert "/decoders/sampled/iiif/3/a.png/full/" in json.dumps(manifest["items"])
    assert json.loads(site.get("/api/images/k.png")[2])["decoders"] == []
