"""Answers that show an image: what can be shown at all, and the file of a view as a response."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from codec.contract import FAITHFUL
from pipeline.serve.http.answers import LEFT, is_known, keeping, not_modified, while_client_waits
from pipeline.serve.http.problems import no_picture, too_large, too_many_bytes
from pipeline.serve.image_id import content_version, weak_etag
from pipeline.serve.site import Site
from pipeline.serve.view import MEDIA_TYPES, View, upright_size
from pipeline.types import CatalogueRow


def shown_size(site: Site, row: CatalogueRow) -> tuple[int, int]:
    """Width and height of the upright image, as the catalogue tells them: nothing is read.

    Raises:
        Problem: there is no picture, or one of more pixels than are decoded here.
    """
    if not row.width or not row.height:
        raise no_picture(
            row, f"Expected a picture under key {row.key!r}, got a file without one: {row.reason}."
        )
    if row.width * row.height > site.limits.max_pixels:
        raise too_large(row, site.limits.max_pixels)
    check_bytes(site, row)
    return upright_size(row.width, row.height, row.orientation)


def check_bytes(site: Site, row: CatalogueRow) -> None:
    """See that an image, and the file that it unpacks to, can be held in memory.

    Raises:
        Problem: it is of more bytes than that.
    """
    unpacked = row.source_size if row.status in ("kept", "bounded") else None
    if max(row.payload_length or 0, unpacked or 0) > site.limits.max_bytes:
        raise too_many_bytes(row, site.limits.max_bytes)


async def view_answer(
    site: Site, request: Request, row: CatalogueRow, view: View, headers: Mapping[str, str]
) -> Response:
    """The file of a view. To a client that has it 304, and to HEAD the headers alone: nothing is made for these.

    Args:
        headers: beside those that every view has.
    Raises:
        Problem: it cannot be made, or not now.
    """
    view = site.kept_decoders.named(view)
    etag = weak_etag(row, view)
    # a later release may show the same content otherwise by another decoder: nothing names that for ever
    version = content_version(row) if view.decoder == FAITHFUL else None
    all_headers = {"ETag": etag, "Accept-Ranges": "none", **keeping(request, version), **headers}
    if is_known(request, etag):
        return not_modified(all_headers)
    media_type = MEDIA_TYPES[view.fmt]
    data = site.images.remembered(row, view)
    if data is None and request.method == "HEAD":
        answer = Response(status_code=HTTPStatus.OK, headers={"Content-Type": media_type, **all_headers})
        del answer.headers["content-length"]  # of what is not made nobody knows it, and 0 it is not
        return answer
    if data is None:
        data = await while_client_waits(request, site.images.file(row, view))
    if data is None:
        return Response(status_code=LEFT)
    return Response(data, HTTPStatus.OK, all_headers, media_type)
