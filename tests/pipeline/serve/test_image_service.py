"""Each file is made once, and what ends decoders is not tried for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pipeline.metrics.serving import ServingMetrics
from pipeline.serve.decoding.contract import DecoderDiedError, Made, NotMade, TookTooLongError
from pipeline.serve.http.problems import HttpProblem
from pipeline.serve.image_service import ImageService
from pipeline.serve.response_cache import DiskCache, MemoryCache
from pipeline.serve.view import View
from pipeline.types import CatalogueRow
from tests.support.catalogues import catalogue_row

VIEW = View(region=(0, 0, 48, 32), width=48, height=32)
ROW = catalogue_row("a.png")


class ScriptedDecoders:
    """Decoders that do what a test tells them, and remember who asked alone."""

    is_ready = True

    def __init__(self, *outcomes: bytes | Exception) -> None:
        self._outcomes = list(outcomes)
        self.asked: list[bool] = []
        self.may_end = asyncio.Event()

    async def make(self, row: CatalogueRow, view: View | None, *, alone: bool = False) -> Made | NotMade:
        self.asked.append(alone)
        await self.may_end.wait()
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return Made(data=outcome)

    def report_to(self, metrics: ServingMetrics) -> None: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def service(decoders: ScriptedDecoders, disk: DiskCache | None = None, memory: int = 10**6) -> ImageService:
    return ImageService(decoders, ServingMetrics(), MemoryCache(memory), disk)


def test_all_who_want_one_file_wait_for_one_making() -> None:
    async def test() -> None:
        decoders = ScriptedDecoders(b"one")
        images = service(decoders)
        several = [asyncio.create_task(images.file(ROW, VIEW)) for _ in range(5)]
        await asyncio.sleep(0)
        several[0].cancel()
        decoders.may_end.set()
        assert await asyncio.gather(*several[1:]) == [b"one"] * 4
        assert await images.file(ROW, VIEW) == b"one"
        assert len(decoders.asked) == 1

    run(test)


def test_when_all_have_left_it_is_not_made_and_who_comes_next_begins_anew() -> None:
    async def test() -> None:
        decoders = ScriptedDecoders(b"one")
        images = service(decoders)
        several = [asyncio.create_task(images.file(ROW, VIEW)) for _ in range(2)]
        await asyncio.sleep(0)
        for one in several:
            one.cancel()
        await asyncio.gather(*several, return_exceptions=True)
        decoders.may_end.set()
        assert await images.file(ROW, VIEW) == b"one"

    run(test)


def test_what_ended_a_decoder_is_tried_once_more_alone_and_then_refused() -> None:
    async def test() -> None:
        decoders = ScriptedDecoders(DecoderDiedError(), b"well", DecoderDiedError(), DecoderDiedError())
        decoders.may_end.set()
        images = service(decoders, memory=0)
        assert await images.file(ROW, VIEW) == b"well"
        assert decoders.asked == [False, True]
        poison = catalogue_row("poison.png")
        for _ in range(3):
            with pytest.raises(HttpProblem, match="It is not tried again for 10 minutes"):
                await images.file(poison, VIEW)
        assert len(decoders.asked) == 4

    run(test)


def test_what_is_late_twice_is_refused() -> None:
    async def test() -> None:
        decoders = ScriptedDecoders(TookTooLongError(), TookTooLongError())
        decoders.may_end.set()
        images = service(decoders)
        for words in ("deadline, got no end of it", "deadline, got no end of it", "not tried again"):
            with pytest.raises(HttpProblem, match=words):
                await images.file(ROW, VIEW)

    run(test)


def test_files_on_a_disk_outlive_a_server_and_the_oldest_make_room(tmp_path: Path) -> None:
    async def test() -> None:
        decoders = ScriptedDecoders(b"made")
        decoders.may_end.set()
        assert await service(decoders, DiskCache(tmp_path, 100)).file(ROW, VIEW) == b"made"
        assert await service(decoders, DiskCache(tmp_path, 100)).file(ROW, VIEW) == b"made"

    run(test)
    cache = DiskCache(tmp_path, 100)
    for number in range(9):
        cache.put(f"file {number}", bytes(20))
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in kept) <= 100
    assert cache.get("file 8") == bytes(20)


def test_a_folder_of_files_made_holds_out_damage_and_leaves_what_others_put_there(tmp_path: Path) -> None:
    theirs = tmp_path / "ab" / "letter.txt"
    theirs.parent.mkdir()
    theirs.write_bytes(bytes(1000))
    cache = DiskCache(tmp_path, 100)
    cache.put("file", b"whole")
    (made,) = (path for path in tmp_path.rglob("*") if path.is_file() and path != theirs)
    for damaged in (b"", made.read_bytes()[:-1], made.read_bytes()[:-1] + b"!"):
        made.write_bytes(damaged)
        assert cache.get("file") is None
    for number in range(9):
        cache.put(f"file {number}", bytes(20))
    assert theirs.read_bytes() == bytes(1000)
