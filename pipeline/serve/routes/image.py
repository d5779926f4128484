"""`/image/{key}`: an image as a file that the client can show, as `<img src>` asks for it."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from codec.contract import FAITHFUL
from pipeline.image.write import can_hold
from pipeline.serve.http.accept import Accept
from pipeline.serve.http.problems import HttpProblem
from pipeline.serve.routes.decoders import checked_decoder
from pipeline.serve.routes.iiif_request import largest
from pipeline.serve.routes.paths import key_below
from pipeline.serve.routes.raw import original_answer, original_type
from pipeline.serve.routes.shown import shown_size, view_answer
from pipeline.serve.routes.stored import answer_stored
from pipeline.serve.site import Site
from pipeline.serve.view import MEDIA_TYPES, View, ViewFormat, upright_size
from pipeline.types import CatalogueRow

_PREFIX: Final = "/image/"
_NAMES: Final[dict[str, ViewFormat]] = {"jpg": "jpeg", **{name: name for name in MEDIA_TYPES}}
_SHOWN_BY_BROWSERS: Final = ("image/avif", "image/bmp", "image/gif", "image/jpeg", "image/png", "image/webp")
_OPAQUE_MODES: Final = ("1", "L", "RGB", "CMYK", "YCbCr")


def image_routes(site: Site) -> list[BaseRoute]:
    """`/image/{key}?w=WIDTH&format=webp|jpeg|png&decoder=NAME`: the original where one was kept and nothing else is
    asked for, else what `Accept` likes best."""

    async def image(request: Request) -> Response:
        return await answer_stored(site, key_below(request, _PREFIX), partial(_image, site, request))

    return [Route(_PREFIX + "{path:path}", image)]


async def _image(site: Site, request: Request, row: CatalogueRow) -> Response:
    accept = Accept(request.headers.get("accept"))
    width, asked = _read_width(request), _read_format(request)
    decoder = checked_decoder(row, request.query_params.get("decoder", FAITHFUL))
    original = original_type(row) if width is None and asked is None else None
    size = _size(site, row, width)
    chosen = MEDIA_TYPES[asked] if asked else accept.best(_offers(row, accept, original, size))
    if chosen is None:
        choices = ", ".join(MEDIA_TYPES.values())
        raise HttpProblem(
            HTTPStatus.NOT_ACCEPTABLE, f"Expected one of {choices} in Accept, got none of them."
        )
    if chosen == original:
        return await original_answer(site, request, row, {"Vary": "Accept"})
    shown = shown_size(site, row)
    fmt = next(name for name, media_type in MEDIA_TYPES.items() if media_type == chosen)
    view = View(region=(0, 0, *shown), width=size[0], height=size[1], fmt=fmt, decoder=decoder)
    return await view_answer(site, request, row, view, {"Vary": "Accept"})


def _offers(row: CatalogueRow, accept: Accept, original: str | None, size: tuple[int, int]) -> list[str]:
    """What may be sent of a picture in a size, the best first.

    WebP only to those who say its name: whoever stores files says `*/*`. And originals that browsers do not show only
    to those, or where nothing else is to be had: browsers say `image/*`.
    """
    formats: list[ViewFormat] = ["jpeg", "png"] if row.mode in _OPAQUE_MODES else ["png", "jpeg"]
    if accept.names(MEDIA_TYPES["webp"]):
        formats.insert(0, "webp")
    made = [MEDIA_TYPES[fmt] for fmt in formats if can_hold(fmt, *size)]
    if original is None:
        return made
    if not row.width or original in _SHOWN_BY_BROWSERS or accept.names(original):
        return [original, *(made if row.width else [])]
    return [*made, original]


def _size(site: Site, row: CatalogueRow, wanted: int | None) -> tuple[int, int]:
    """Of all of it, no larger than it is and than is made here."""
    width, height = upright_size(row.width or 1, row.height or 1, row.orientation)
    across, down = largest(width, height, site.limits.max_area)
    if wanted is not None and wanted < across:
        return wanted, max(1, round(height * wanted / width))
    return across, down


def _read_format(request: Request) -> ViewFormat | None:
    name = request.query_params.get("format")
    if name is not None and name not in _NAMES:
        raise HttpProblem(
            HTTPStatus.BAD_REQUEST, f"Expected format= one of {', '.join(_NAMES)}, got {name!r}."
        )
    return None if name is None else _NAMES[name]


def _read_width(request: Request) -> int | None:
    width = request.query_params.get("w")
    if width is not None and not (width.isascii() and width.isdecimal() and int(width[:9]) > 0):
        raise HttpProblem(HTTPStatus.BAD_REQUEST, f"Expected w= a width of 1 pixel or more, got {width!r}.")
    return None if width is None else int(width[:9])
