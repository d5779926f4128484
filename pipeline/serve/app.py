"""The server as an ASGI app: every module of routes gives a list, and here they are put together.

It holds nothing global: uvicorn runs it in a process of its own (run.py), and any other ASGI server can.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from pipeline.serve.guard import Guard
from pipeline.serve.http.problems import answer_problem
from pipeline.serve.routes.health import health_routes
from pipeline.serve.routes.iiif import iiif_routes
from pipeline.serve.routes.image import image_routes
from pipeline.serve.routes.listing import listing_routes
from pipeline.serve.routes.manifest import manifest_routes
from pipeline.serve.routes.page import page_routes
from pipeline.serve.routes.preview import preview_routes
from pipeline.serve.routes.raw import raw_routes
from pipeline.serve.site import Site
from pipeline.serve.warm_up import warm_up

_log: Final = logging.getLogger(__name__)
_REFRESH_EVERY_S: Final = 15.0


def make_app(site: Site) -> Starlette:
    """The app that serves one archive.

    Routes are tried in this order. What all answers have in common is the guard's.
    """
    routes = [
        *health_routes(site),
        *iiif_routes(site),
        *image_routes(site),
        *raw_routes(site),
        *manifest_routes(site),
        *listing_routes(site),
        *preview_routes(site),
        *page_routes(),
    ]
    names = {route.path.split("/")[1] for route in routes if isinstance(route, Route)}
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, site=site, routes=names)],
        exception_handlers={HTTPException: answer_problem, Exception: answer_problem},
        lifespan=lambda _: _running(site),
    )


@contextlib.asynccontextmanager
async def _running(site: Site) -> AsyncIterator[None]:
    """Decode, and go to newer versions of the catalogue, for as long as the app runs."""
    await site.decoders.start()
    background = [asyncio.create_task(work) for work in (_follow(site), warm_up(site))]
    try:
        yield
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await site.decoders.close()


async def _follow(site: Site) -> None:
    while True:
        await asyncio.sleep(_REFRESH_EVERY_S)
        try:
            await asyncio.to_thread(site.index.refresh)
            await asyncio.to_thread(site.kept_decoders.refresh)
        except Exception as error:  # noqa: BLE001 one look that fails in any way must not be the last
            _log.warning("The version at hand is served on: %s", error)
