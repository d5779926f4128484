"""What answers have in common: how long they may be kept, and that nothing is sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

_Result = TypeVar("_Result")
_BY_KEY: Final = "max-age=300, stale-while-revalidate=86400"
"""What a key names may change with any night."""
BY_CONTENT: Final = "max-age=31536000, immutable"
"""What is asked for by what it is made of never changes."""
LEFT: Final = 499
"""nginx's own status for a client that did not wait; nobody reads it, but for the metrics."""


def keeping(request: Request, version: str | None) -> dict[str, str]:
    """How long an answer may be kept: for ever where `?v=` names what it is made of.

    Args:
        version: of what the answer is made of; None where that has no name.
    """
    names_content = version is not None and request.query_params.get("v") == version
    return keeping_for(request, BY_CONTENT if names_content else _BY_KEY)


def keeping_for(request: Request, how_long: str) -> dict[str, str]:
    """How long an answer may be kept, and that what a token was shown for is its client's own."""
    whose = "private" if "authorization" in request.headers else "public"
    return {"Cache-Control": f"{whose}, {how_long}"}


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has this already: it gets 304."""
    header = request.headers.get("if-none-match", "")
    etags = {name.strip().removeprefix("W/") for name in header.split(",")}
    return "*" in etags or etag.removeprefix("W/") in etags


def not_modified(headers: Mapping[str, str]) -> Response:
    """304, with the headers that the answer would have had."""
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)


async def while_client_waits(request: Request, work: Coroutine[Any, Any, _Result]) -> _Result | None:
    """The result of some work; None when the client has left, and then the work is given up."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
