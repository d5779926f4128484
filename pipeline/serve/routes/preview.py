"""The small pictures of images: one by its key, or all of a screen in one body."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import google_crc32c
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from pipeline.archive.previews import read_previews
from pipeline.errors import ArchiveError, StorageError
from pipeline.image.preview import LARGEST
from pipeline.serve.decoding.faults import not_made_by
from pipeline.serve.http.answers import BY_CONTENT, is_known, keeping, keeping_for, not_modified
from pipeline.serve.http.problems import HttpProblem, not_made
from pipeline.serve.routes.paths import key_below, quoted_key, segments_below
from pipeline.serve.routes.stored import stored_row
from pipeline.serve.site import Site
from pipeline.types import CatalogueRow

_PREFIX: Final = "/preview/"
_MOST_AT_ONCE: Final = 300
_SPAN: Final = re.compile(r"(\d{1,10})(?:-(\d{1,10}))?", re.ASCII)


def preview_routes(site: Site) -> list[BaseRoute]:
    """`/api/previews?edition=&rows=0-49,77` and `/preview/{key}`."""

    async def previews(request: Request) -> Response:
        """Each preview in turn: its length in four bytes, the lowest first, and its WebP file; nothing for none."""
        now = site.index.now
        positions = _read_positions(request, now.images)
        if request.query_params.get("edition") != now.edition:
            raise HttpProblem(
                HTTPStatus.GONE,
                f"Expected edition={now.edition}, the newest; positions of others are other images.",
            )
        found = await asyncio.to_thread(lambda: _read(site, list(map(now.rows.row, positions))))
        body = b"".join(len(data).to_bytes(4, "little") + data for data in found)
        # `tenfold preview` may make those that are missing, and no new edition tells of it
        headers = keeping_for(request, BY_CONTENT if all(found) else "max-age=300")
        return Response(body, headers=headers, media_type="application/octet-stream")

    async def preview(request: Request) -> Response:
        row = stored_row(site, key_below(request, _PREFIX))
        (data,) = await asyncio.to_thread(_read, site, [row])
        if not data:
            return _made(segments_below(request, _PREFIX), row)
        version = f"{google_crc32c.value(data):08x}"
        headers = {"ETag": f'"{version}-{len(data):x}"', **keeping(request, version)}
        if is_known(request, headers["ETag"]):
            return not_modified(headers)
        return Response(data, headers=headers, media_type="image/webp")

    return [Route("/api/previews", previews), Route(_PREFIX + "{path:path}", preview)]


def _read(site: Site, rows: list[CatalogueRow]) -> list[bytes]:
    """Empty for those that have none."""
    try:
        return [data or b"" for data in read_previews(site.archive, rows)]
    except (ArchiveError, StorageError) as error:
        raise not_made(rows[0], not_made_by(error, key=rows[0].key)) from error


def _made(asked: Sequence[str], row: CatalogueRow) -> Response:
    """Where a small picture is made of the image itself: told from the path that was asked for, as a proxy may have put
    anything before it."""
    root = "../" * len(asked)
    size = f"!{LARGEST},{LARGEST}" if max(row.width or 0, row.height or 0) > LARGEST else "max"
    url = f"{root}iiif/3/{quoted_key(row.key)}/full/{size}/0/default.webp"
    return RedirectResponse(url, HTTPStatus.TEMPORARY_REDIRECT, {"Cache-Control": "max-age=300"})


def _read_positions(request: Request, images: int) -> list[int]:
    """The positions that ranges name, as they come."""
    text = request.query_params.get("rows", "")
    spans = [_SPAN.fullmatch(part) for part in text.split(",", _MOST_AT_ONCE)]
    ranges = [range(int(span[1]), int(span[2] or span[1]) + 1) for span in spans if span is not None]
    is_within = all(one and one.stop <= images for one in ranges)
    if None in spans or not is_within or sum(map(len, ranges)) > _MOST_AT_ONCE:
        raise HttpProblem(
            HTTPStatus.BAD_REQUEST,
            f"Expected rows= 1 to {_MOST_AT_ONCE} positions below {images:,}, as 0-49,77, got {text[:100]!r}.",
        )
    return [position for one in ranges for position in one]
