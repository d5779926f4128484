"""`tenfold bench serve`: what is asked of a server, and what is made of its answers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from jobs.bench.serve_cases import Asked, Cases, Overload, images_of
from pipeline.bench.http_clients import Clients
from pipeline.bench.server_process import ServerFailedError, ServerProcess, serving

TAKES_S = 0.02
LISTED = [
    {"key": "a b/c.png", "width": 600, "height": 520, "position": 3, "preview_length": 7},
    {"key": "d.png", "width": 400, "height": 300, "position": 4, "preview_length": None},
]


@asynccontextmanager
async def slow_server(asked: list[str]) -> AsyncIterator[str]:
    """The address of one that makes one picture at a time, refuses others, and notes what it is asked for."""
    busy = asyncio.Lock()

    async def listed(request: web.Request) -> web.Response:
        return web.json_response({"edition": "e", "images": LISTED[: int(request.query["limit"])]})

    async def made(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        if busy.locked():
            return web.Response(status=503)
        async with busy:
            await asyncio.sleep(TAKES_S)
        return web.Response(body=b"picture")

    async def found(_: web.Request) -> web.Response:
        return web.Response(body=b"preview")

    app = web.Application()
    app.router.add_get("/api/images", listed)
    app.router.add_get("/image/{key:.*}", made)
    app.router.add_get("/iiif/{rest:.*}", made)
    app.router.add_get("/{rest:.*}", found)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _ask(work: Callable[[Cases], Awaitable[object]], asked: list[str]) -> object:
    async with slow_server(asked) as address, Clients(address) as clients:
        images = await images_of(clients, count=2)
        return await work(Cases(ServerProcess(address, os.getpid()), clients, images))


def test_every_image_is_asked_for_by_its_key() -> None:
    asked: list[str] = []
    result = asyncio.run(_ask(lambda cases: cases.wholes(), asked))
    assert isinstance(result, Asked)
    assert asked == ["/image/a%20b%2Fc.png?format=jpeg", "/image/d.png?format=jpeg"]
    assert (result.answers, result.statuses, result.mean_bytes) == (2, {"200": 2}, 7.0)
    assert 1e3 * TAKES_S <= result.p50_ms <= result.p99_ms


def test_tiles_lie_within_the_largest_image() -> None:
    asked: list[str] = []
    asyncio.run(_ask(lambda cases: cases.tiles(), asked))
    boxes = [tuple(map(int, path.split("/")[4].split(","))) for path in asked]
    assert boxes
    assert all(left + width <= 600 and top + height <= 520 for left, top, width, height in boxes)


def test_what_is_too_much_is_counted() -> None:
    asked: list[str] = []
    result = asyncio.run(_ask(lambda cases: cases.overload(20.0, seconds=0.5), asked))
    assert isinstance(result, Overload)
    assert result.asked_per_second == 200.0
    assert len(asked) == len(set(asked)) == 100
    assert sum(result.statuses.values()) == 100
    assert 0 < result.statuses["200"] < 100
    assert result.refused_p99_ms is not None


def test_a_server_that_does_not_begin_says_why() -> None:
    with pytest.raises(ServerFailedError, match="no-such-option"), serving("nowhere", ["--no-such-option"]):
        pass
