"""Is it alive, may it be sent requests, and what has it done?"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from pipeline.serve.site import Site

_NOT_KEPT: Final = {"Cache-Control": "no-store"}


def health_routes(site: Site) -> list[BaseRoute]:
    """`/healthz`, `/readyz` and `/metrics`: they answer at once, whatever waits for decoders."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("alive\n", headers=_NOT_KEPT)

    async def readyz(_: Request) -> Response:
        now = site.index.now
        facts = {"ready": site.decoders.is_ready, "version": now.version, "images": now.images}
        status = HTTPStatus.OK if facts["ready"] else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse(facts, status, headers=_NOT_KEPT)

    async def metrics(_: Request) -> Response:
        content_type = {"Content-Type": site.metrics.content_type}
        return Response(site.metrics.exposition(), headers=_NOT_KEPT | content_type)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
