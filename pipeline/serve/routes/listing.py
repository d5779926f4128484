"""`/api/...`: which images there are, for the page and for programs. Filters are a small language, never SQL.

What is asked costs at most so many rows looked at (pipeline/archive/listing.py), in threads of which there are few.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from pipeline.archive.filter_fields import FIELDS
from pipeline.archive.filters import Filter, parse_filter
from pipeline.archive.listing import BY_KEY, ORDERS, Order
from pipeline.errors import ConfigError, FilterError
from pipeline.serve.http.answers import is_known, not_modified
from pipeline.serve.http.problems import HttpProblem, problem_response, unknown_key
from pipeline.serve.routes.listing_json import listed, one_image
from pipeline.serve.routes.paths import key_below
from pipeline.serve.served_index import IndexedVersion
from pipeline.serve.site import Site
from pipeline.serve.turns import Turns

_IMAGES: Final = "/api/images/"
_MOST_LISTED: Final = 500
_USUAL: Final = 100


def listing_routes(site: Site) -> list[BaseRoute]:
    """`/api/about`, `/api/images`, `/api/images/{key}` and `/api/count`."""
    turns = Turns()

    async def answer(request: Request, ask: Callable[[IndexedVersion], dict[str, Any]]) -> Response:
        now = site.index.now
        headers = {"ETag": _etag(request, now), "Cache-Control": "no-cache"}
        if is_known(request, headers["ETag"]):
            return not_modified(headers)
        try:
            content = await turns.run(partial(ask, now))
        except FilterError as error:
            return _unreadable(error)
        except ConfigError as error:
            raise HttpProblem(HTTPStatus.BAD_REQUEST, str(error)) from error
        return JSONResponse({"edition": now.edition, **content}, headers=headers)

    async def about(request: Request) -> Response:
        return await answer(request, lambda now: _about(site, now))

    async def images(request: Request) -> Response:
        return await answer(request, lambda now: _page(now, request))

    async def image(request: Request) -> Response:
        key = key_below(request, _IMAGES)
        return await answer(request, lambda now: _image(now, key, _read_order(request)))

    async def count(request: Request) -> Response:
        return await answer(request, lambda now: _count(now, request))

    return [
        Route("/api/about", about),
        Route("/api/images", images),
        Route("/api/count", count),
        Route(_IMAGES + "{path:path}", image),
    ]


def _about(site: Site, now: IndexedVersion) -> dict[str, Any]:
    fields = [
        {"name": one.name, "meaning": one.meaning, "takes": one.takes, "example": one.example}
        for one in FIELDS.values()
    ]
    orders = [{"name": one.name, "meaning": one.meaning} for one in ORDERS.values()]
    return {"archive": site.archive.url, "images": now.images, "fields": fields, "orders": orders}


def _page(now: IndexedVersion, request: Request) -> dict[str, Any]:
    page = now.listing.page(
        _read_filter(request),
        _read_order(request),
        after=request.query_params.get("after"),
        start=_read_number(request, "start", 0, least=0, most=2**32),
        limit=_read_number(request, "limit", _USUAL, least=1, most=_MOST_LISTED),
    )
    return {
        "images": listed(now.rows, page.positions),
        "next": page.after,
        "looked_at": page.looked_at,
        "of": now.images,
        "rank": page.rank,
        "total": page.total,
    }


def _image(now: IndexedVersion, key: str, order: Order) -> dict[str, Any]:
    row = now.rows.find(key)
    if row is None:
        raise unknown_key(key)
    places = {"position": now.rows.position(key), "rank": now.listing.rank(key, order)}
    return {**places, **one_image(row)}


def _count(now: IndexedVersion, request: Request) -> dict[str, Any]:
    count = now.listing.count(_read_filter(request), after=request.query_params.get("after"))
    return {"images": count.images, "looked_at": count.looked_at, "of": now.images, "next": count.after}


def _read_filter(request: Request) -> Filter:
    return parse_filter(request.query_params.get("filter", ""))


def _read_order(request: Request) -> Order:
    name = request.query_params.get("order", BY_KEY.name)
    if name not in ORDERS:
        raise HttpProblem(
            HTTPStatus.BAD_REQUEST, f"Expected order= one of {', '.join(ORDERS)}, got {name!r}."
        )
    return ORDERS[name]


def _read_number(request: Request, name: str, usual: int, *, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return usual
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else -1
    if not least <= number <= most:
        raise HttpProblem(
            HTTPStatus.BAD_REQUEST, f"Expected {name}= a number from {least} to {most:,}, got {text!r}."
        )
    return number


def _unreadable(error: FilterError) -> Response:
    """As other problems, and at which characters."""
    problem = HttpProblem(HTTPStatus.BAD_REQUEST, str(error))
    return problem_response(problem, start=error.start, stop=error.stop)


def _etag(request: Request, now: IndexedVersion) -> str:
    asked = f"{now.edition} {request.url.path}?{request.url.query}"
    return f'W/"{blake2b(asked.encode(), digest_size=12).hexdigest()}"'
