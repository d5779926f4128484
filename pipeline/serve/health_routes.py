"""Is it alive, may it be sent requests, and what has it done?"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from pipeline.serve.site import Site


def health_routes(site: Site) -> list[BaseRoute]:
    """`/healthz` and `/readyz`: both answer at once, whatever waits."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("alive\n", headers={"Cache-Control": "no-store"})

    async def readyz(_: Request) -> Response:
        facts = {"version": site.index.now.version, "images": site.index.now.images}
        return JSONResponse(facts, headers={"Cache-Control": "no-store"})

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
