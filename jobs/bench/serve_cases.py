"""What `tenfold bench serve` asks of a server, and what came of it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import numpy as np

from pipeline.bench.http_clients import Clients, TimedAnswer
from pipeline.bench.server_process import ServerProcess

TIMES_TOO_MANY: Final = 10
_TILE: Final = 512
_TILES: Final = 24
_SMALL: Final = 256
_REPEATS: Final = 200
_PAGES: Final = 10
_PER_PAGE: Final = 50
_HEALTH_EVERY_S: Final = 0.05
_READY_EVERY_S: Final = 0.2
_WARM_UP: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedImage:
    """An image that there is to ask for."""

    path: str
    """Its key, quoted for a URL."""
    width: int
    height: int
    position: int
    """In the order of the keys."""
    has_preview: bool
    """Whether one is stored in its shard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the answers to one kind of request cost."""

    what: str
    answers: int
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    """Of one answer, in all processes of the server."""
    mean_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """What a server did that was asked for more than it can make."""

    asked_per_second: float
    made_per_second: float
    statuses: dict[str, int]
    refused_p50_ms: float | None
    """From asking to 503; None where nothing was refused."""
    refused_p99_ms: float | None
    health_p99_ms: float
    http_bytes_before: int
    http_bytes_after: int


async def images_of(clients: Clients, *, count: int) -> list[ServedImage]:
    """The first coded images, by key."""
    listed = json.loads(await clients.read(f"/api/images?filter={quote('status:coded')}&limit={count}"))
    return [
        ServedImage(
            path=quote(one["key"], safe=""),
            width=one["width"],
            height=one["height"],
            position=one["position"],
            has_preview=one["preview_length"] is not None,
        )
        for one in listed["images"]
    ]


async def warm_up(clients: Clients, image: ServedImage) -> None:
    """Wait until a server is ready, and ask for one picture: what is loaded for it is nobody else's cost."""
    while (await clients.ask("/readyz")).status != 200:
        await asyncio.sleep(_READY_EVERY_S)
    await clients.ask(_iiif(image, f"!{_SMALL},{_SMALL}"))


class Cases:
    """Asks one server, and holds its answers against the CPU that they took."""

    def __init__(self, server: ServerProcess, clients: Clients, images: Sequence[ServedImage]) -> None:
        """Take a server that nobody else asks, and some of its images."""
        self._server, self._clients = server, clients
        self.images = images
        """Those that are asked for."""

    async def thumbnails(self) -> Asked:
        """Small pictures that are made, of images that nobody has asked for."""
        return await self._asked(
            f"thumbnail of {_SMALL} px, made", (_iiif(one, f"!{_SMALL},{_SMALL}") for one in self.images)
        )

    async def wholes(self) -> Asked:
        """All pixels, of images that nobody has asked for."""
        return await self._asked("whole image as JPEG, made", map(_whole, self.images))

    async def again(self) -> Asked:
        """What was made before."""
        paths = [_whole(one) for one in self.images[:_WARM_UP]]
        return await self._asked("the same again", (paths[number % len(paths)] for number in range(_REPEATS)))

    async def tiles(self) -> Asked:
        """Further tiles of an image that is open."""
        largest = max(self.images, key=lambda one: one.width * one.height)
        tiles = [
            f"/iiif/3/{largest.path}/{left},{top},{width},{height}/{width},{height}/0/default.jpg"
            for top in range(0, largest.height, _TILE // 2)
            for left in range(0, largest.width, _TILE // 2)
            for width, height in [(min(_TILE, largest.width - left), min(_TILE, largest.height - top))]
        ]
        await self._clients.ask(tiles[0])
        return await self._asked(f"next tile of {_TILE} px", tiles[1 : _TILES + 1])

    async def previews(self) -> Asked | None:
        """Previews that are stored, one by one; None where there are none."""
        paths = [f"/preview/{one.path}" for one in self.images if one.has_preview]
        return await self._asked("stored preview", paths) if paths else None

    async def pages(self) -> Asked:
        """The previews of a screen of the page, in one body."""
        edition = json.loads(await self._clients.read("/api/images?limit=1"))["edition"]
        first, last = self.images[0].position, self.images[-1].position
        span = f"{first}-{min(last, first + _PER_PAGE - 1)}"
        return await self._asked(
            f"page of {min(last - first + 1, _PER_PAGE)} previews",
            [f"/api/previews?edition={edition}&rows={span}"] * _PAGES,
        )

    async def facts(self) -> Asked:
        """What the catalogue says of an image."""
        return await self._asked("row of an image", (f"/api/images/{one.path}" for one in self.images))

    async def unknown(self) -> Asked:
        """Keys that do not exist."""
        return await self._asked("unknown key", (f"/image/none/{number}.png" for number in range(_REPEATS)))

    async def health(self) -> Asked:
        """Whether it lives."""
        return await self._asked("/healthz", ["/healthz"] * _REPEATS)

    async def overload(self, can_make: float, *, seconds: float) -> Overload:
        """More pictures than it can make, each another one.

        Args:
            can_make: whole images, a second.
        """
        rate = can_make * TIMES_TOO_MANY
        paths = [
            f"/image/{one.path}?format=jpeg&w={one.width - number // len(self.images) % (one.width // 2)}"
            for number in range(max(1, round(rate * seconds)))
            for one in [self.images[number % len(self.images)]]
        ]
        before, is_over = self._server.http_bytes(), asyncio.Event()
        watching = asyncio.create_task(
            self._clients.ask_every("/healthz", seconds=_HEALTH_EVERY_S, until=is_over)
        )
        loop = asyncio.get_running_loop()
        began = loop.time()
        answers = await self._clients.ask_at_rate(paths, per_second=rate)
        took = loop.time() - began
        is_over.set()
        refused = [one.seconds for one in answers if one.status == 503]
        return Overload(
            asked_per_second=rate,
            made_per_second=sum(one.status == 200 for one in answers) / took,
            statuses=_statuses(answers),
            refused_p50_ms=_milliseconds(refused, 50) if refused else None,
            refused_p99_ms=_milliseconds(refused, 99) if refused else None,
            health_p99_ms=_milliseconds([one.seconds for one in await watching], 99),
            http_bytes_before=before,
            http_bytes_after=self._server.http_bytes(),
        )

    async def _asked(self, what: str, paths: Iterable[str]) -> Asked:
        await self._clients.ask("/healthz")
        before = self._server.cpu_s()
        answers = await self._clients.ask_in_turn(paths)
        cpu_s = self._server.cpu_s() - before
        seconds = [one.seconds for one in answers]
        return Asked(
            what=what,
            answers=len(answers),
            statuses=_statuses(answers),
            p50_ms=_milliseconds(seconds, 50),
            p99_ms=_milliseconds(seconds, 99),
            cpu_ms=1e3 * cpu_s / len(answers),
            mean_bytes=float(np.mean([one.size for one in answers])),
        )


def _iiif(image: ServedImage, size: str) -> str:
    return f"/iiif/3/{image.path}/full/{size}/0/default.jpg"


def _whole(image: ServedImage) -> str:
    return f"/image/{image.path}?format=jpeg"


def _statuses(answers: Iterable[TimedAnswer]) -> dict[str, int]:
    return {str(status): count for status, count in sorted(Counter(one.status for one in answers).items())}


def _milliseconds(seconds: Sequence[float], percentile: float) -> float:
    return round(1e3 * float(np.percentile(seconds, percentile)), 3)
