"""What every request goes through: who may ask, by which methods, what browsers are told, and what is counted."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.serve.http.problems import HttpProblem, problem_response
from pipeline.serve.site import Site

_HOST: Final = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[\w.-]*))(?::\d*)?", re.ASCII | re.IGNORECASE)
_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_ALLOWED: Final = ", ".join(_METHODS)
_FOR_ALL: Final = ("healthz", "readyz")
"""Whoever watches a server holds no key to what it serves."""
_EVERYWHERE: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_FROM_ANYWHERE: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Link, Content-Range, Accept-Ranges, Retry-After",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_SHOWN_ANYWHERE: Final = ("decoders", "iiif", "image", "manifest", "raw")
"""Viewers lie on other sites than images. What lists images is for pages of this server alone."""
_PREFLIGHT: Final = {
    "Allow": _ALLOWED,
    "Access-Control-Allow-Methods": _ALLOWED,
    "Access-Control-Allow-Headers": "Accept, Authorization, If-None-Match, If-Range, Range",
    "Access-Control-Max-Age": "86400",
}


class Guard:
    """An ASGI app around another."""

    def __init__(self, app: ASGIApp, *, site: Site, routes: Collection[str]) -> None:
        """Take what is guarded.

        Args:
            routes: first segments of paths that are counted by name; others are counted together.
        """
        self._app, self._site, self._routes = app, site, frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; other kinds of traffic go through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        route = self._route_of(scope)
        status = int(HTTPStatus.INTERNAL_SERVER_ERROR)

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                shared = _FROM_ANYWHERE if route in _SHOWN_ANYWHERE else {}
                for name, value in (_EVERYWHERE | shared).items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await (self._answer(scope, route) or self._app)(scope, receive, send_guarded)
        finally:
            self._site.metrics.count_request(route, status, time.perf_counter() - began)

    def _route_of(self, scope: Scope) -> str:
        first = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix("/").partition("/")[0]
        return first if first in self._routes else "other"

    def _answer(self, scope: Scope, route: str) -> Response | None:
        """What is answered before anything is looked for."""
        if scope["method"] not in _METHODS:
            words = f"Expected one of {_ALLOWED}, got {scope['method'][:20]!r}: an archive is not changed from here."
            return problem_response(HttpProblem(HTTPStatus.METHOD_NOT_ALLOWED, words, {"Allow": _ALLOWED}))
        headers = Headers(scope=scope)
        host = _host_of(headers)
        if host is None:
            words = f"Expected a name and perhaps a port in Host, got {headers.get('host', '')[:100]!r}."
            return problem_response(HttpProblem(HTTPStatus.BAD_REQUEST, words))
        if self._site.hosts is not None and host not in self._site.hosts:
            words = (
                f"Expected to be asked as {' or '.join(sorted(self._site.hosts))}, got {headers.get('host')!r}. Behind "
                "a proxy, tell `tenfold serve` the address by --public-url."
            )
            return problem_response(HttpProblem(HTTPStatus.MISDIRECTED_REQUEST, words))
        if scope["method"] == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=_PREFLIGHT)
        if self._site.token is None or route in _FOR_ALL or self._knows_token(headers):
            return None
        words = "Expected `Authorization: Bearer TOKEN` with the token of this server, got none or another."
        return problem_response(HttpProblem(HTTPStatus.UNAUTHORIZED, words, {"WWW-Authenticate": "Bearer"}))

    def _knows_token(self, headers: Headers) -> bool:
        kind, _, token = headers.get("authorization", "").partition(" ")
        wanted = (self._site.token or "").encode()
        return kind.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), wanted)


def _host_of(headers: Headers) -> str | None:
    """The name that a client believes this server to have, without the port; None where it is no name."""
    match = _HOST.fullmatch(headers.get("host", ""))
    return None if match is None else (match["v6"] or match["name"] or "").lower()
