"""Refusals and failures as clients see them: `application/problem+json` (RFC 9457) with what was expected, what came
and what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.serve.decoding.contract import Fault, NotMade
from pipeline.types import CatalogueRow

_STATUSES: Final[Mapping[Fault, HTTPStatus]] = {
    "damaged": HTTPStatus.INTERNAL_SERVER_ERROR,
    "no picture": HTTPStatus.NOT_IMPLEMENTED,
    "too new": HTTPStatus.NOT_IMPLEMENTED,
    "store": HTTPStatus.BAD_GATEWAY,
    "memory": HTTPStatus.SERVICE_UNAVAILABLE,
    "bug": HTTPStatus.INTERNAL_SERVER_ERROR,
}
_LONGEST_WAIT_S: Final = 3600


class HttpProblem(HTTPException):
    """Ends a request. Starlette's own refusals, as of a path that leads nowhere, are answered in the same form."""


def unknown_key(key: str) -> HttpProblem:
    """404: only keys of the catalogue are served."""
    return HttpProblem(
        HTTPStatus.NOT_FOUND, f"Expected the key of an image in this archive, got {key!r}. `/` finds keys."
    )


def _leads_nowhere(path: str) -> HttpProblem:
    return HttpProblem(
        HTTPStatus.NOT_FOUND,
        f"Expected `/`, or a path below `/image/`, `/iiif/3/`, `/raw/`, `/preview/` or `/api/`, got {path!r}.",
    )


def nothing_stored(row: CatalogueRow) -> HttpProblem:
    """404, or 410 where it was stored and got lost: there is a reason and no image."""
    status = HTTPStatus.NOT_FOUND if row.lost_shard is None else HTTPStatus.GONE
    return HttpProblem(
        status,
        f"Expected a stored image under key {row.key!r}, got one that failed: {row.reason} Once its source is well, "
        "`tenfold retry-failed` brings it in.",
    )


def no_picture(row: CatalogueRow, words: str) -> HttpProblem:
    """501: the bytes are there, and nobody can show them."""
    return HttpProblem(
        HTTPStatus.NOT_IMPLEMENTED,
        f"{words} Its bytes are at `/raw/` and the key {row.key!r}, as they are stored.",
    )


def not_made(row: CatalogueRow, outcome: NotMade) -> HttpProblem:
    """What a decoder could not do."""
    if outcome.fault == "no picture":
        return no_picture(row, outcome.words)
    if outcome.fault == "bug":
        words = f"Making this of {row.key!r} failed in a way that is not foreseen. The server's log has more."
        return HttpProblem(HTTPStatus.INTERNAL_SERVER_ERROR, words)
    words = outcome.words
    if outcome.fault == "damaged":
        words += " `tenfold verify` says what else is damaged, and `tenfold repair` what can be had back."
    return HttpProblem(_STATUSES[outcome.fault], words)


def too_large(row: CatalogueRow, max_pixels: int) -> HttpProblem:
    """403, before a byte is read."""
    return HttpProblem(
        HTTPStatus.FORBIDDEN,
        f"Expected an image of at most {max_pixels / 1e6:g} megapixels, got {row.key!r} of {row.width}x{row.height}. "
        "`--max-megapixels` of the server allows more.",
    )


def too_many_bytes(row: CatalogueRow, max_bytes: int) -> HttpProblem:
    """403, before a byte is read."""
    return HttpProblem(
        HTTPStatus.FORBIDDEN,
        f"Expected a file of at most {max_bytes / 1e6:g} MB, got {row.key!r} of {row.source_size or 0:,} bytes, "
        f"{row.payload_length or 0:,} stored. `tenfold get` has no such limit.",
    )


def overloaded(retry_after_s: float) -> HttpProblem:
    """503: more is asked for than can be made in time."""
    seconds = min(max(1, math.ceil(retry_after_s)), _LONGEST_WAIT_S)
    return HttpProblem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"Expected to make this in time, got more requests than that. Ask again in {seconds} s.",
        {"Retry-After": str(seconds)},
    )


def took_too_long(row: CatalogueRow) -> HttpProblem:
    """504: decoding was ended."""
    return HttpProblem(
        HTTPStatus.GATEWAY_TIMEOUT,
        f"Expected {row.key!r} to be decoded within the server's deadline, got no end of it. Ask for a smaller size or "
        "a part of it; `--deadline` of the server allows more.",
    )


def refused(row: CatalogueRow, refused_for_s: float) -> HttpProblem:
    """500: this image ends whoever decodes it."""
    return HttpProblem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"Expected {row.key!r} to be decoded, got decoders that ended or had to be ended, twice. It is not tried again "
        f"for {refused_for_s / 60:.0f} minutes. `tenfold verify` says whether it is damaged.",
    )


async def answer_problem(request: Request, error: Exception) -> Response:
    """The exception handler of the app."""
    if isinstance(error, HTTPException) and not isinstance(error, HttpProblem) and error.status_code == 404:
        return problem_response(_leads_nowhere(request.url.path))
    if isinstance(error, HTTPException):
        return problem_response(error)
    words = "This failed in a way that is not foreseen. The server's log has more."
    return problem_response(HttpProblem(HTTPStatus.INTERNAL_SERVER_ERROR, words))


def problem_response(problem: HTTPException, **more: int) -> Response:
    """What a client reads of it.

    Args:
        more: members beside those that every problem has.
    """
    status = HTTPStatus(problem.status_code)
    content = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status,
        "detail": problem.detail,
        **more,
    }
    headers: Mapping[str, str] = problem.headers or {}
    return JSONResponse(content, status, {"Cache-Control": "no-store", **headers}, "application/problem+json")
