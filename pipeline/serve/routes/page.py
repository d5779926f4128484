"""The page: its HTML, style and scripts, which ask nobody but this server for anything."""

from __future__ import annotations

import gzip
from hashlib import blake2b
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pipeline.serve.http.answers import is_known, not_modified
from pipeline.serve.http.problems import HttpProblem

_FOLDER: Final = Path(__file__).parents[1] / "page"
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_ONLY_ITSELF: Final = (
    "default-src 'none'; script-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; "
    "style-src 'self' 'sha256-9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE='"
)
"""The digest is that of a few rules that OpenSeadragon adds for phones."""


def page_routes() -> list[BaseRoute]:
    """`/` and `/page/...`: files that are read once, when the app is made."""
    files = {
        path.relative_to(_FOLDER).as_posix(): path for path in _FOLDER.rglob("*") if path.suffix in _TYPES
    }
    assets = {name: _Asset(path) for name, path in files.items()}

    async def index(request: Request) -> Response:
        return assets["index.html"].answer(request)

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in assets:
            raise HttpProblem(404, f"Expected a file of the page, got {name!r}.")
        return assets[name].answer(request)

    return [Route("/", index), Route("/page/{name:path}", asset)]


class _Asset:
    """A file, as it is and compressed."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self._small = gzip.compress(self._data, mtime=0)
        self._headers = {
            "Content-Type": f"{_TYPES[path.suffix]}; charset=utf-8",
            "ETag": f'"{blake2b(self._data, digest_size=12).hexdigest()}"',
            "Cache-Control": "no-cache",
            "Vary": "Accept-Encoding",
            "Content-Security-Policy": _ONLY_ITSELF,
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    def answer(self, request: Request) -> Response:
        """200, or 304 to who has it."""
        if is_known(request, self._headers["ETag"]):
            return not_modified(self._headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self._small, headers={**self._headers, "Content-Encoding": "gzip"})
        return Response(self._data, headers=self._headers)
