"""Refusals and failures as clients see them: `application/problem+json` (RFC 9457) with what was expected, what came
and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class Problem(HTTPException):
    """Ends a request. Starlette's own refusals, as of a path that leads nowhere, are answered in the same form."""


def unknown_key(key: str) -> Problem:
    """404: only keys of the catalogue are served."""
    return Problem(
        HTTPStatus.NOT_FOUND, f"Expected the key of an image in this archive, got {key!r}. `/` finds keys."
    )


async def answer_problem(request: Request, error: Exception) -> Response:
    """The exception handler of the app."""
    assert isinstance(error, HTTPException)
    headers: Mapping[str, str] = error.headers or {}
    status = HTTPStatus(error.status_code)
    content = {"type": "about:blank", "title": status.phrase, "status": status, "detail": error.detail}
    return JSONResponse(content, status, {"Cache-Control": "no-store", **headers}, "application/problem+json")
