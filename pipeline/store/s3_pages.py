"""Answers to ListObjectsV2 as pages, at a tenth of what it costs to make a dict of each object.

botocore keeps what it is good at: requests, signatures, retries, throttling, errors. Of a regular answer the objects
are cut out of the text column by column before botocore parses the rest; an irregular one is left to it whole.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote_plus

from pipeline.store.backend import ObjectInfo, Page, microseconds_of

EVENT: Final = "before-parse.*.ListObjectsV2"
"""With the star its handlers come before those of `before-parse.s3.*`, one of which parses every answer to see whether
it is an error: it sees what is left."""
_TAKEN: Final = "TenfoldPage"
_QUOTES: Final = ("&quot;", "&#34;")
"""As AWS writes them in XML, and as servers that are written in Go do."""
_FIRST, _LAST = b"<Contents>", b"</Contents>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """One answer: objects, folders of the level that was asked for, and how to ask for what follows."""

    page: Page
    folders: list[str]
    token: str | None
    """None at the end."""


def take_page(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Cut the objects out of an answer that botocore is about to parse; a handler of its event."""
    body: bytes = response_dict["body"]
    start, end = body.find(_FIRST), body.rfind(_LAST)
    if response_dict["status_code"] != 200 or start < 0 or end < start:
        return
    end += len(_LAST)
    page = _page_of(body[start:end].decode(), is_quoted=b"<EncodingType>url<" in body)
    if page is not None:
        response_dict["body"] = body[:start] + body[end:]
        customized_response_dict[_TAKEN] = page


def names_of(answer: Mapping[str, Any]) -> Names:
    """What botocore made of an answer, and what was cut out before."""
    page: Page | None = answer.get(_TAKEN)
    return Names(
        page=Page.of(map(described, answer.get("Contents", ()))) if page is None else page,
        folders=[entry["Prefix"] for entry in answer.get("CommonPrefixes", ())],
        token=answer["NextContinuationToken"] if answer.get("IsTruncated") else None,
    )


def described(entry: Mapping[str, Any]) -> ObjectInfo:
    """One object, under its key, as botocore describes it."""
    return ObjectInfo(
        path=entry["Key"],
        size=int(entry["Size"]),
        etag=entry.get("ETag", "").strip('"') or None,
        mtime=entry["LastModified"].astimezone(UTC) if "LastModified" in entry else None,
    )


def _page_of(text: str, *, is_quoted: bool) -> Page | None:
    """None unless every object has each of four facts once, and nothing stands between the objects."""
    for quote in _QUOTES:  # around every ETag: one step for all of them
        text = text.replace(quote, '"')
    count = text.count("<Contents>")
    keys, sizes, etags, times = (_column(text, name) for name in ("Key", "Size", "ETag", "LastModified"))
    if not len(keys) == len(sizes) == len(etags) == len(times) == count or "<CommonPrefixes>" in text:
        return None
    if "&" in text:
        keys, etags = (
            [html.unescape(value) if "&" in value else value for value in values] for values in (keys, etags)
        )
    if is_quoted:
        keys = [unquote_plus(key) if "%" in key or "+" in key else key for key in keys]
    return Page(
        paths=keys,
        sizes=list(map(int, sizes)),
        etags=[etag.strip('"') or None for etag in etags],
        mtimes_us=[microseconds_of(datetime.fromisoformat(time)) for time in times],
    )


def _column(text: str, name: str) -> list[str]:
    end = f"</{name}>"
    return [part.partition(end)[0] for part in text.split(f"<{name}>")[1:]]
