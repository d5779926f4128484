"""From rows and views to files: remembered, or being made for somebody else, or made; and refused where that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from cachetools import TTLCache

from pipeline.metrics.serving import ServingMetrics
from pipeline.serve.decoding.contract import (
    DecoderDiedError,
    Decoders,
    Made,
    NotMade,
    OverloadedError,
    TookTooLongError,
)
from pipeline.serve.http.problems import not_made, overloaded, refused, took_too_long
from pipeline.serve.image_id import image_id, weak_etag
from pipeline.serve.response_cache import DiskCache, MemoryCache
from pipeline.serve.view import View
from pipeline.types import CatalogueRow

_REFUSED_FOR_S: Final = 600.0
"""An image that ended decoders."""
_STRIKES: Final = 2


@dataclass(slots=True, eq=False)
class _Flight:
    """A file under way, and how many wait for it."""

    task: asyncio.Task[bytes]
    waiting: int = 0


class ImageService:
    """Makes each file once, however many ask for it at the same time. For one event loop."""

    def __init__(
        self, decoders: Decoders, metrics: ServingMetrics, memory: MemoryCache, disk: DiskCache | None = None
    ) -> None:
        """Take who decodes, who counts, and where files are remembered."""
        self._decoders = decoders
        self._metrics = metrics
        self._memory = memory
        self._disk = disk
        self._flights: dict[str, _Flight] = {}
        self._strikes: TTLCache[str, int] = TTLCache(10_000, _REFUSED_FOR_S)

    def remembered(self, row: CatalogueRow, view: View | None) -> bytes | None:
        """The file of a view, if it is in memory."""
        data = self._memory.get(_name(row, view))
        if data is not None:
            self._metrics.count_file("memory")
        return data

    async def file(self, row: CatalogueRow, view: View | None) -> bytes:
        """The file of a view; of None the file that a kept or bounded image is.

        Raises:
            Problem: it cannot be made, or not now.
        """
        name = _name(row, view)
        remembered = self.remembered(row, view)
        if remembered is not None:
            return remembered
        return await self._join(name, lambda: self._recalled_or_made(row, view, name))

    async def _join(self, name: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """Wait with all who want the same; when the last one leaves, it is not made."""
        flight = self._flights.get(name)
        if flight is None:
            flight = self._flights[name] = _Flight(asyncio.ensure_future(make()))
        else:
            self._metrics.count_file("joined")
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                flight.task.cancel()
                self._flights.pop(name)

    async def _recalled_or_made(self, row: CatalogueRow, view: View | None, name: str) -> bytes:
        data = None if self._disk is None else await asyncio.to_thread(self._disk.get, name)
        had = "made" if data is None else "disk"
        if data is None:
            data = await self._made(row, view)
            if self._disk is not None:
                await asyncio.to_thread(self._disk.put, name, data)
        self._metrics.count_file(had)
        self._memory.put(name, data)
        return data

    async def _made(self, row: CatalogueRow, view: View | None) -> bytes:
        if self._strikes.get(image_id(row), 0) >= _STRIKES:
            raise refused(row, _REFUSED_FOR_S)
        try:
            outcome = await self._made_or_retried(row, view)
        except OverloadedError as error:
            raise overloaded(error.retry_after_s) from error
        except TookTooLongError as error:
            self._strike(row, "late")
            raise took_too_long(row) from error
        except DecoderDiedError as error:
            raise refused(row, _REFUSED_FOR_S) from error
        self._strikes.pop(image_id(row), None)
        if isinstance(outcome, NotMade):
            raise not_made(row, outcome)
        return outcome.data

    async def _made_or_retried(self, row: CatalogueRow, view: View | None) -> Made | NotMade:
        """A decoder that died may have been killed for what others did: once, an image is tried again, alone."""
        for alone in (False, True):
            try:
                return await self._decoders.make(row, view, alone=alone)
            except DecoderDiedError:
                self._strike(row, "died")
        raise DecoderDiedError

    def _strike(self, row: CatalogueRow, why: str) -> None:
        self._metrics.count_ended(why)
        self._strikes[image_id(row)] = self._strikes.get(image_id(row), 0) + 1


def _name(row: CatalogueRow, view: View | None) -> str:
    return image_id(row) if view is None else weak_etag(row, view)
