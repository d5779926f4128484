"""A server, asked over a socket as clients ask it."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import psutil
import pytest

from pipeline.archive.catalogue import Catalogue
from pipeline.store.storage import Storage
from tests.support.image_archives import fill, flip
from tests.support.server import Server, serving
from tests.support.shard_rows import kept_row, make_row
from tests.support.waiting import wait_until

KEY, PATH = "a b/ü?.png", "/a%20b/%C3%BC%3F.png"
TOKEN = {"Authorization": "Bearer open sesame"}
PIXELS = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
NOT_READ = kept_row("huge.png", b"nothing like a picture", width=20_000, height=20_000, source_format="PNG")
LARGE = np.random.default_rng(1).bytes(9 << 20)
"""More than is sent at once."""
IMMUTABLE, SHORT = "max-age=31536000, immutable", "max-age=300"


def png(pixels: np.ndarray = PIXELS) -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def tiff() -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257).save(stream, "TIFF")
    return stream.getvalue()


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def pixels(self) -> np.ndarray:
        return np.asarray(PIL.Image.open(io.BytesIO(self.body)))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    facts = {"width": 40, "height": 30, "source_format": "PNG", "mode": "RGB"}
    unknown = {"width": None, "height": None, "source_format": None, "reason": "not an image"}
    rows = [
        kept_row(KEY, png(), **facts),
        kept_row("wide.png", png(np.repeat(PIXELS[:1], 500, 1)), **facts | {"width": 20_000, "height": 1}),
        kept_row("deep.tif", tiff(), **facts | {"source_format": "TIFF"}),
        kept_row("turned.png", png(), **facts, orientation=6),
        kept_row("bad.png", png() + b"the bad one", **facts),
        kept_row("page.svg", b"<svg/>", reason="a drawing", source_format="SVG", width=None, height=None),
        NOT_READ,
        kept_row("large.raw", LARGE, **unknown),
        kept_row("large-bad.raw", LARGE[::-1], **unknown),
        make_row("failed.png", None, reason="no answer from the camera."),
        make_row("lost.png", None, reason="its shard is lost.", lost_shard="shards/a.parquet"),
    ]
    url = fill(str(folder / "archive"), rows)
    for bad in Catalogue(Storage(url)).lookup(["bad.png", "large-bad.raw"]):
        flip(Path(url) / bad.shard, (bad.payload_offset or 0) + 5)
    token = folder / "token"
    token.write_text("open sesame\n")
    with serving(
        url, "--decoders", "1", "--token-file", str(token), "--cache", str(folder / "cache")
    ) as server:
        yield server


def ask(server: Server, path: str, *, method: str = "GET", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(
        http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=120)
    ) as connection:
        connection.request(method, path, headers=TOKEN | named)
        with connection.getresponse() as answer:
            body = answer.read()
    found = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(status=answer.status, headers=found, body=body)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (f"/raw/..{PATH}", 404, "Expected the key of an image"),
        ("/image/..%2f..%2fetc%2fpasswd", 404, "Expected the key of an image"),
        ("/raw/%00%ff", 404, "Expected the key of an image"),
        ("/iiif/3/", 404, "Expected the key of an image"),
        ("/nowhere", 404, "Expected `/`, or a path below `/image/`"),
        ("/image/failed.png", 404, "no answer from the camera"),
        ("/raw/lost.png", 410, "its shard is lost"),
        ("/iiif/3/huge.png/info.json", 403, "at most 100 megapixels, got 'huge.png' of 20000x20000"),
        ("/image/huge.png?w=10", 403, "at most 100 megapixels"),
        ("/image/page.svg?w=10", 501, "a file without one"),
        ("/image/bad.png?w=10", 500, "tenfold verify"),
        ("/raw/bad.png", 500, "tenfold verify"),
        (f"/image{PATH}?w=-1", 400, "w= a width"),
        (f"/image{PATH}?format=exe", 400, "format= one of"),
        (f"/iiif/3{PATH}/full/^80,/0/default.jpg", 501, "Nothing is made larger"),
        (f"/iiif/3{PATH}/full/80,/0/default.jpg", 400, "at most 40x30"),
        (f"/iiif/3{PATH}/full/max/0/default.tif", 400, "jpg, png, webp"),
    ],
)
def test_what_cannot_be_had_says_why(server: Server, path: str, status: int, words: str) -> None:
    answer = ask(server, path)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = json.loads(answer.body)
    assert problem["status"] == status
    assert words in problem["detail"]


def test_iiif_shows_the_same_under_both_spellings_of_a_key(server: Server) -> None:
    for spelling in (PATH, "/a%20b%2F%C3%BC%3F.png"):
        base = ask(server, f"/iiif/3{spelling}")
        assert base.status == 303
        assert base.headers["location"] == f"{server.address}/iiif/3/a%20b%2F%C3%BC%3F.png/info.json"
        answer = ask(server, f"/iiif/3{spelling}/10,5,20,10/max/0/default.png")
        assert np.array_equal(answer.pixels(), PIXELS[5:15, 10:30])
    information = ask(server, f"/iiif/3{PATH}/info.json", Accept="application/ld+json")
    assert information.headers["content-type"].startswith("application/ld+json;profile=")
    assert json.loads(information.body)["id"] + "/info.json" == base.headers["location"]
    assert information.headers["access-control-allow-origin"] == "*"
    assert information.headers["cache-control"] == "private, max-age=300", "a token was shown for it"


def test_a_manifest_leads_viewers_to_an_image(server: Server) -> None:
    answer = ask(server, "/manifest/turned.png")
    assert answer.headers["access-control-allow-origin"] == "*"
    manifest = json.loads(answer.body)
    assert manifest["id"] == f"{server.address}/manifest/turned.png"
    (canvas,) = manifest["items"]
    (annotation,) = canvas["items"][0]["items"]
    assert annotation["target"] == canvas["id"]
    body, (service,) = annotation["body"], annotation["body"]["service"]
    assert (canvas["width"], canvas["height"]) == (body["width"], body["height"]) == (30, 40)
    for address in (body["id"], f"{service['id']}/info.json"):
        assert ask(server, address.removeprefix(server.address)).status == 200
    assert ask(server, "/manifest/page.svg").status == 501


def test_pictures_are_upright_turned_mirrored_and_in_other_colours(server: Server) -> None:
    upright = np.rot90(PIXELS, -1)
    information = json.loads(ask(server, "/iiif/3/turned.png/info.json").body)
    assert (information["width"], information["height"]) == (30, 40)
    shown = ask(server, "/iiif/3/turned.png/2,3,20,10/max/0/default.png")
    assert np.array_equal(shown.pixels(), upright[3:13, 2:22])
    turned = ask(server, "/iiif/3/turned.png/full/max/!90/default.png")
    assert np.array_equal(turned.pixels(), np.rot90(upright[:, ::-1], -1))
    assert ask(server, "/iiif/3/turned.png/full/15,20/0/gray.jpg").pixels().shape == (20, 15)
    assert ask(server, "/iiif/3/turned.png/square/max/0/bitonal.png").pixels().dtype == bool


def test_images_come_as_their_client_likes_them(server: Server) -> None:
    original = ask(server, f"/image{PATH}", Accept="image/png,*/*;q=0.5")
    assert original.body == png()
    assert original.headers["content-security-policy"] == "sandbox; default-src 'none'"
    shown = ask(server, "/image/deep.tif", Accept="image/avif,image/*,*/*;q=0.8")
    assert shown.headers["content-type"] == "image/jpeg", "which browsers show"
    assert ask(server, "/image/deep.tif", Accept="image/tiff,*/*").body == tiff()
    wide = ask(server, "/image/wide.png?w=17000", Accept="image/webp,*/*;q=0.5")
    assert wide.headers["content-type"] == "image/jpeg", "which WebP has no room for"
    small = ask(server, f"/image{PATH}?w=20", Accept="image/webp,*/*;q=0.5")
    assert (small.headers["content-type"], small.headers["vary"]) == ("image/webp", "Accept")
    assert small.pixels().shape == (15, 20, 3)
    assert ask(server, f"/image{PATH}?w=20").headers["content-type"] == "image/jpeg"
    assert ask(server, f"/image{PATH}?w=20", Accept="text/html").status == 406


def test_what_a_client_has_is_not_sent_again(server: Server) -> None:
    for path, is_strong in ((f"/raw{PATH}", True), (f"/image{PATH}?w=20", False)):
        head, whole = (ask(server, path, method=method) for method in ("HEAD", "GET"))
        etag = whole.headers["etag"]
        assert (head.status, head.headers["etag"], head.body) == (200, etag, b"")
        length = str(len(whole.body))
        assert head.headers.get("content-length", length) == length, "it tells that of the file, or none"
        assert etag.startswith("W/") != is_strong
        assert SHORT in whole.headers["cache-control"]
        again = ask(server, path, If_None_Match=f'"other", {etag}')
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    version = etag.removeprefix('W/"').rpartition("-")[0]
    assert IMMUTABLE in ask(server, f"/image{PATH}?w=20&v={version}").headers["cache-control"]
    assert SHORT in ask(server, f"/image{PATH}?w=20&v=other").headers["cache-control"]


def test_stored_bytes_come_in_ranges(server: Server) -> None:
    path, size = f"/raw{PATH}", len(png())
    etag = ask(server, path, method="HEAD").headers["etag"]
    part = ask(server, path, Range="bytes=10-19", If_Range=etag)
    assert (part.status, part.body) == (206, png()[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{size}"
    assert ask(server, path, Range="bytes=-7").body == png()[-7:]
    head = ask(server, path, method="HEAD", Range="bytes=0-1")
    assert (head.status, head.headers["content-length"]) == (200, str(size)), "ranges are for GET"
    assert ask(server, path, Range="bytes=0-1", If_Range='"older"').body == png()
    beyond = ask(server, path, Range=f"bytes={size}-")
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    unknown = ask(server, "/raw/page.svg")
    assert unknown.headers["content-type"] == "application/octet-stream"
    assert unknown.headers["content-disposition"].startswith("attachment")
    assert unknown.headers["x-content-type-options"] == "nosniff"


def test_large_files_are_streamed_and_damaged_ones_do_not_come_whole(server: Server) -> None:
    assert ask(server, "/raw/large.raw").body == LARGE
    assert ask(server, "/raw/large.raw", Range=f"bytes=5-{6 << 20}").body == LARGE[5 : (6 << 20) + 1]
    with pytest.raises(http.client.IncompleteRead, match=str(len(LARGE) - (8 << 20))):
        ask(server, "/raw/large-bad.raw")


def test_who_may_ask_and_how(server: Server) -> None:
    assert ask(server, "/metrics", Authorization="Bearer guessed").status == 401
    assert ask(server, "/healthz", Authorization="").status == 200
    assert ask(server, f"/raw{PATH}", Host="localhost:1").status == 200
    assert ask(server, f"/raw{PATH}", Host="[::1]:1").status == 200
    assert ask(server, f"/raw{PATH}", Host="rebound.example.org").status == 421
    for host in ("[", "[::1", "localhost/rebound", "rebound@localhost"):
        assert ask(server, f"/raw{PATH}", Host=host).status == 400
    assert ask(server, "/iiif/3/x", method="OPTIONS", Authorization="").status == 204
    for method in ("POST", "PUT", "DELETE", "TRACE"):
        assert ask(server, f"/raw{PATH}", method=method).status == 405
    assert b'tenfold_http_requests_total{route="raw",status="405"}' in ask(server, "/metrics").body


def test_a_decoder_that_is_killed_while_it_does_nothing_is_replaced_and_no_image_blamed(
    server: Server,
) -> None:
    path = f"/iiif/3{PATH}/full/{{}},/0/default.png"
    assert ask(server, path.format(31)).status == 200
    (decoder,) = (
        child
        for child in psutil.Process(server.process.pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    )
    decoder.kill()
    # its first thread is a zombie before the others have ended, and only then is it dead for its parent
    wait_until(lambda: decoder.status() == psutil.STATUS_ZOMBIE and decoder.num_threads() == 1)
    assert ask(server, path.format(32)).status == 200
    assert b"tenfold_decoders_ended_total{" not in ask(server, "/metrics").body
