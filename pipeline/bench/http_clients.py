"""Clients of an HTTP server, which tell how long each answer took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import ClientSession, ClientTimeout, TCPConnector
from yarl import URL

_LONGEST: Final = ClientTimeout(total=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedAnswer:
    """What came of one request."""

    status: int
    seconds: float
    """From asking to the last byte."""
    size: int
    """Of its body, in bytes."""


class Clients:
    """As many connections to one server as are asked for at a time."""

    def __init__(self, address: str) -> None:
        """Take the server's address, `http://127.0.0.1:8080`; nothing is contacted yet."""
        self._address = address
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Clients:
        self._session = ClientSession(connector=TCPConnector(limit=0), timeout=_LONGEST)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, path: str) -> TimedAnswer:
        """One request.

        Raises:
            aiohttp.ClientError: there was no answer.
        """
        assert self._session is not None
        began = time.perf_counter()
        async with self._session.get(URL(self._address + path, encoded=True)) as response:
            size = len(await response.read())
        return TimedAnswer(status=response.status, seconds=time.perf_counter() - began, size=size)

    async def read(self, path: str) -> bytes:
        """The body of an answer.

        Raises:
            aiohttp.ClientError: there was none, or a refusal.
        """
        assert self._session is not None
        async with self._session.get(
            URL(self._address + path, encoded=True), raise_for_status=True
        ) as response:
            return await response.read()

    async def ask_in_turn(self, paths: Iterable[str]) -> list[TimedAnswer]:
        """One request after the other."""
        return [await self.ask(path) for path in paths]

    async def ask_at_rate(self, paths: Sequence[str], *, per_second: float) -> list[TimedAnswer]:
        """Requests that come whether or not those before them are answered."""

        async def later(number: int, path: str) -> TimedAnswer:
            await asyncio.sleep(number / per_second)
            return await self.ask(path)

        return list(await asyncio.gather(*(later(number, path) for number, path in enumerate(paths))))

    async def ask_every(self, path: str, *, seconds: float, until: asyncio.Event) -> list[TimedAnswer]:
        """The same request again and again."""
        answers = []
        while not until.is_set():
            answers.append(await self.ask(path))
            await asyncio.sleep(seconds)
        return answers
