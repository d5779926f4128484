"""`/raw/{key}`: the bytes that are stored, or the file that they unpack to; the same bytes on every machine.

They may be anything that somebody once put into an archive: no browser runs or guesses at them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import google_crc32c
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from pipeline.archive.range_reads import read_payload
from pipeline.errors import ArchiveError, StorageError
from pipeline.serve.decoding.faults import not_made_by
from pipeline.serve.http.answers import LEFT, is_known, keeping, not_modified, while_client_waits
from pipeline.serve.http.byte_ranges import NoSuchRangeError, read_range
from pipeline.serve.http.problems import not_made
from pipeline.serve.image_id import content_version, strong_etag
from pipeline.serve.routes.paths import key_below
from pipeline.serve.routes.shown import check_bytes
from pipeline.serve.routes.stored import answer_stored
from pipeline.serve.site import Site
from pipeline.types import CatalogueRow

_PREFIX: Final = "/raw/"
_CHECKED_WHOLE: Final = 4 * 2**20
"""Bytes; up to so many are checked before the first is sent."""
_PIECE: Final = 2**20
"""Of a larger one, two are held for each client: many may read slowly."""
_UNKNOWN_TYPE: Final = "application/octet-stream"
_TYPES: Final[Mapping[str, str]] = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "HEIF": "image/heif",
    "TIFF": "image/tiff",
    "JPEG2000": "image/jp2",
    "BMP": "image/bmp",
}
"""By the names of formats; all else is sent as a file to be stored."""
_LOCKED: Final = {"Content-Security-Policy": "sandbox; default-src 'none'"}


def raw_routes(site: Site) -> list[BaseRoute]:
    """`/raw/{key}`, with ranges and a strong ETag."""

    async def raw(request: Request) -> Response:
        key = key_below(request, _PREFIX)
        return await answer_stored(site, key, lambda row: original_answer(site, request, row, {}))

    return [Route(_PREFIX + "{path:path}", raw)]


def original_type(row: CatalogueRow) -> str | None:
    """The media type of the file that a kept or bounded image is; None of others, and of what is not known here."""
    return _TYPES.get(row.source_format or "") if row.status in ("kept", "bounded") else None


async def original_answer(
    site: Site, request: Request, row: CatalogueRow, headers: Mapping[str, str]
) -> Response:
    """The file of a kept or bounded image, or the payload of another, or a range of it.

    Args:
        headers: beside those that every such answer has.
    Raises:
        Problem: it cannot be had.
    """
    etag = strong_etag(row)
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        **keeping(request, content_version(row)),
        **_LOCKED,
        **headers,
    }
    if is_known(request, etag):
        return not_modified(headers)
    content = await _content(site, request, row)
    if content is None:
        return Response(status_code=LEFT)
    try:
        # RFC 9110, section 14.2: ranges are those of GET
        is_same = request.method == "GET" and request.headers.get("if-range", etag) == etag
        part = read_range(request.headers.get("range"), content.size) if is_same else None
    except NoSuchRangeError:
        beyond = {"Content-Range": f"bytes */{content.size}"}
        return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers | beyond)
    status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
    start, stop = part or (0, content.size)
    headers |= _as_file(row) | {"Content-Length": str(stop - start)}
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{content.size}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    if content.data is None:
        return StreamingResponse(_pieces(site, row, start, stop), status, headers)
    return Response(content.data[start:stop], status, headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """What is sent, or a range of it."""

    size: int
    data: bytes | None = None
    """None where it is streamed from the store, or not sent at all."""


async def _content(site: Site, request: Request, row: CatalogueRow) -> _Content | None:
    """What there is to send; None when the client has left."""
    is_asked_about = request.method == "HEAD"
    if row.status in ("kept", "bounded") and row.packing is not None:
        if is_asked_about and row.status == "kept" and row.source_size is not None:
            return _Content(size=row.source_size)
        check_bytes(site, row)
        data = await while_client_waits(request, site.images.file(row, None))
        return None if data is None else _Content(size=len(data), data=data)
    size = row.payload_length or 0
    is_streamed = is_asked_about or size > _CHECKED_WHOLE
    return _Content(size=size, data=None if is_streamed else await _checked_payload(site, row))


def _as_file(row: CatalogueRow) -> dict[str, str]:
    media_type = original_type(row)
    name = quote(row.key.rpartition("/")[2], safe="")
    how = "inline" if media_type is not None else "attachment"
    return {
        "Content-Type": media_type or _UNKNOWN_TYPE,
        "Content-Disposition": f"{how}; filename*=UTF-8''{name}",
    }


async def _checked_payload(site: Site, row: CatalogueRow) -> bytes:
    try:
        return await asyncio.to_thread(read_payload, site.archive, row)
    except (ArchiveError, StorageError) as error:
        raise not_made(row, not_made_by(error, key=row.key)) from error


async def _pieces(site: Site, row: CatalogueRow, start: int, stop: int) -> AsyncIterator[bytes]:
    """A large payload, streamed. Where it is damaged, its last piece does not come, so no client takes it for whole."""
    offset, crc = row.payload_offset or 0, 0
    for at in range(start, stop, _PIECE):
        length = min(_PIECE, stop - at)
        piece = await asyncio.to_thread(site.archive.read_range, row.shard, offset + at, length)
        crc = google_crc32c.extend(crc, piece)
        is_whole = start == 0 and at + length == row.payload_length
        if is_whole and crc != row.payload_crc32c:
            raise StorageError(
                f"Expected CRC32C {row.payload_crc32c} for {row.key!r}, got {crc}: not sent whole."
            )
        yield piece
