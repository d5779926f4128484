"""What programs and the page are told of the images of an archive, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest

from tests.support.image_archives import fill
from tests.support.painted_site import HOSTILE, odd_rows, painted, painted_row, painted_site

IMAGES = 12


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Redirects are looked at, not followed."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    archive = tmp_path_factory.mktemp("listing") / "archive"
    fill(str(archive), [*map(painted_row, range(IMAGES)), *odd_rows()])
    with painted_site(archive) as address:
        yield address


def get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers in lower case, body."""
    try:
        with build_opener(_Stay).open(Request(url, headers=headers), timeout=30) as answer:
            return (
                answer.status,
                {name.lower(): value for name, value in answer.headers.items()},
                answer.read(),
            )
    except HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()


def ask(address: str, name: str, **asked: Any) -> dict[str, Any]:
    status, _, body = get(f"{address}/api/{name}?{urlencode(asked)}")
    answer: dict[str, Any] = json.loads(body)
    assert answer.get("status", 200) == status
    return answer


def test_pages_lead_through_the_archive(address: str) -> None:
    about = ask(address, "about")
    assert about["images"] == IMAGES + 3
    for order in (one["name"] for one in about["orders"]):
        keys, after = [], None
        while True:
            page = ask(address, "images", order=order, limit=4, **({} if after is None else {"after": after}))
            keys += [image["key"] for image in page["images"]]
            after = page["next"]
            if after is None:
                break
        assert len(keys) == len(set(keys)) == IMAGES + 3
        assert [
            image["key"] for image in ask(address, "images", order=order, start=5, limit=3)["images"]
        ] == keys[5:8]
        assert ask(address, f"images/{quote(keys[5], safe='')}", order=order)["rank"] == 5
    assert ask(address, "images", filter="b/ psnr>0")["total"] is None
    assert ask(address, "count", filter="b/ psnr>0")["images"] == IMAGES // 2


def test_an_image_is_told_of_whole(address: str) -> None:
    image = ask(address, f"images/{quote(HOSTILE, safe='')}")
    assert image["row"]["key"] == HOSTILE
    assert image["facts"]["times_smaller_than_file"] == pytest.approx(90_000 / 99)
    status, headers, _ = get(address + image["links"]["preview"])
    assert (status, headers["location"]) == (
        307,
        f"../iiif/3/{quote(HOSTILE, safe='')}/full/!256,256/0/default.webp",
    )
    assert "got 'none'" in ask(address, "images/none")["detail"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"filter": "psnr<high"}, "Expected a number, as 32 or 0.5, after `psnr<`"),
        ({"filter": "key='a' OR 1=1"}, "Expected the name of a field, got `key`"),
        ({"order": "key; DROP TABLE"}, "Expected order= one of key, worst"),
        ({"limit": "1e9"}, "Expected limit= a number from 1 to 500"),
        ({"start": 3, "filter": "psnr<30"}, "Expected no `start`"),
        ({"after": "x", "order": "worst"}, "Expected in `after`"),
    ],
)
def test_what_it_refuses(address: str, asked: dict[str, Any], words: str) -> None:
    problem = ask(address, "images", **asked)
    assert problem["status"] == 400
    assert words in problem["detail"]


def test_previews_of_a_screen_are_one_answer(address: str) -> None:
    rows = {image["position"]: image["key"] for image in ask(address, "images", limit=500)["images"]}
    edition = ask(address, "about")["edition"]
    url = f"{address}/api/previews?edition={edition}&rows="
    assert get(f"{url}3-5,1")[1]["cache-control"] == "public, max-age=31536000, immutable"
    status, headers, body = get(f"{url}3-5,{IMAGES},1")
    assert (status, headers["cache-control"]) == (200, "public, max-age=300"), "the missing one may be made"
    found = []
    while body:
        length = int.from_bytes(body[:4], "little")
        found.append(body[4 : 4 + length])
        body = body[4 + length :]
    assert found == [
        *(painted(rows[at], 96, 64, "WEBP") for at in (3, 4, 5)),
        b"",
        painted(rows[1], 96, 64, "WEBP"),
    ]
    for wrong in ("", "5-3", "0-99999999", f"{IMAGES + 3}", "0-301", ",".join("0" * 301), "x"):
        assert get(url + wrong)[0] == 400
    assert get(f"{address}/api/previews?edition=other.1&rows=1")[0] == 410
    status, headers, data = get(f"{address}/preview/{rows[3]}")
    assert (status, headers["content-type"], data) == (200, "image/webp", painted(rows[3], 96, 64, "WEBP"))
    assert get(f"{address}/preview/{rows[3]}", **{"If-None-Match": headers["etag"]})[0] == 304


def test_the_page_may_ask_nobody_else(address: str) -> None:
    for path in ("/", "/page/main.js", "/page/page.css", "/page/vendor/openseadragon.min.js"):
        status, headers, body = get(address + path, **{"Accept-Encoding": "identity"})
        assert status == 200
        assert "default-src 'none'; script-src 'self';" in headers["content-security-policy"]
        assert b"http://" not in body.replace(b"http://www.w3.org", b"") or b"openseadragon" in body.lower()
        assert get(address + path, **{"If-None-Match": headers["etag"]})[0] == 304
    assert get(f"{address}/page/../app.py")[0] == get(f"{address}/page/%2e%2e/app.py")[0] == 404
