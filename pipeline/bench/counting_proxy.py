"""A proxy before an S3 server: counts requests and bytes, which are exact where times are noisy."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import ClientSession, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

from pipeline.bench.listed_bucket import LISTED_BUCKET, list_objects

_LARGEST_BODY: Final = 2**30
_OF_ONE_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "expect", "content-length"})
"""Headers between two neighbours: aiohttp writes its own."""
_NOT_ADDED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What went through."""

    by_verb: Mapping[str, int] = field(default_factory=dict)
    """Requests; each that a client tried again counts again."""
    read_bytes: int = 0
    """Of the bodies of answers."""
    written_bytes: int = 0
    """Of the bodies of requests."""

    def since(self, before: Traffic) -> Traffic:
        """What came on top."""
        return Traffic(
            by_verb=dict(Counter(self.by_verb) - Counter(before.by_verb)),
            read_bytes=self.read_bytes - before.read_bytes,
            written_bytes=self.written_bytes - before.written_bytes,
        )


class CountingProxy:
    """Forwards every request as it is: the Host header stays as the client wrote it, so that signatures hold.

    It answers requests for LISTED_BUCKET itself.
    """

    def __init__(self, endpoint: str) -> None:
        """Take the server's URL; nothing is contacted before the first request."""
        self._endpoint = endpoint.rstrip("/")
        self._by_verb: Counter[str] = Counter()
        self._read = self._written = 0

    def traffic(self) -> Traffic:
        """All that has gone through so far."""
        return Traffic(by_verb=dict(self._by_verb), read_bytes=self._read, written_bytes=self._written)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Listen on a port of the loopback, in a thread, and give the URL."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="counting-proxy", daemon=True)
        thread.start()
        runner = asyncio.run_coroutine_threadsafe(self._start(), loop).result()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            asyncio.run_coroutine_threadsafe(self._stop(runner), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _start(self) -> web.AppRunner:
        self._session = ClientSession(connector=TCPConnector(limit=0), auto_decompress=False)
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, auto_decompress=False, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    async def _stop(self, runner: web.AppRunner) -> None:
        await runner.cleanup()
        await self._session.close()

    async def _answer(self, request: web.Request) -> web.Response:
        sent = await request.read()
        if request.path.strip("/") == LISTED_BUCKET:
            body = list_objects(request.query).encode()
            answer = web.Response(body=body, content_type="application/xml")
        else:
            body, answer = await self._forward(request, sent)
        self._by_verb[request.method] += 1
        self._written += len(sent)
        self._read += len(body)
        return answer

    async def _forward(self, request: web.Request, sent: bytes) -> tuple[bytes, web.Response]:
        asked = self._session.request(
            request.method,
            URL(f"{self._endpoint}{request.raw_path}", encoded=True),
            headers=CIMultiDict((name, value) for name, value in request.headers.items() if _is_kept(name)),
            data=sent or None,
            skip_auto_headers=_NOT_ADDED,
            allow_redirects=False,
        )
        async with asked as came:
            body = await came.read()
            headers = CIMultiDict((name, value) for name, value in came.headers.items() if _is_kept(name))
            if request.method == "HEAD" and "Content-Length" in came.headers:
                headers["Content-Length"] = came.headers["Content-Length"]
            return body, web.Response(body=body, status=came.status, reason=came.reason, headers=headers)


def _is_kept(header: str) -> bool:
    return header.lower() not in _OF_ONE_HOP
