"""Who is served next, and who is told to come again. The decoders here are threads that do what a test tells them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from threading import Condition
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.serve.decoding import local_decoders
from pipeline.serve.decoding.contract import DecoderDiedError, Made, OverloadedError
from pipeline.serve.decoding.decoder_process import Answer, DecoderSettings, Task
from pipeline.serve.decoding.local_decoders import LocalDecoders
from pipeline.serve.limits import Limits
from pipeline.serve.view import View
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from tests.support.catalogues import catalogue_row

_LONG_S = 20.0
LARGE, SMALL, TINY = (4000, 4000), (300, 300), (160, 160)


class DecodersByHand:
    """What all fake processes have in common: what they began, and what a test lets them end."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.starts = 0
        self._outcomes: dict[str, bytes | Exception] = {}
        self._changed = Condition()

    def end(self, key: str, outcome: bytes | Exception = b"file") -> None:
        with self._changed:
            self._outcomes[key] = outcome
            self._changed.notify_all()

    def outcome(self, key: str) -> bytes | Exception:
        with self._changed:
            self.begun.append(key)
            assert self._changed.wait_for(lambda: key in self._outcomes, _LONG_S), key
            return self._outcomes.pop(key)


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> DecodersByHand:
    by_hand = DecodersByHand()

    class Process:
        def __init__(self, _settings: DecoderSettings) -> None:
            self._holds: set[str] = set()

        def start(self) -> None:
            by_hand.starts += 1

        def ask(self, tasks: Sequence[Task], *, timeout_s: float) -> Answer:
            outcome = by_hand.outcome(" ".join(task.row.key for task in tasks))
            if isinstance(outcome, Exception):
                raise outcome
            return Answer(outcomes=[Made(data=outcome)] * len(tasks), holds=frozenset())

        def close(self) -> None:
            pass

    monkeypatch.setattr(local_decoders, "DecoderProcess", Process)
    return by_hand


def row(key: str, size: tuple[int, int] = SMALL) -> CatalogueRow:
    return catalogue_row(key, width=size[0], height=size[1])


def run(test: Callable[[LocalDecoders], Awaitable[None]], **limits: Any) -> None:
    async def with_decoders() -> None:
        decoders = LocalDecoders.of(Storage("memory://none"), Limits(**limits), device="cpu")
        await decoders.start()
        await asyncio.wait_for(test(decoders), _LONG_S)
        await decoders.close()

    asyncio.run(with_decoders())


def ask(decoders: LocalDecoders, asked: CatalogueRow, *, alone: bool = False) -> asyncio.Task[Any]:
    width, height = asked.width or 0, asked.height or 0
    view = View(region=(0, 0, width, height), width=width, height=height)
    return asyncio.create_task(decoders.make(asked, view, alone=alone))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.001)


def test_small_ones_overtake_large_ones_that_wait(by_hand: DecodersByHand) -> None:
    async def test(decoders: LocalDecoders) -> None:
        first = ask(decoders, row("first"))
        await until(lambda: by_hand.begun == ["first"])
        others = [ask(decoders, row("large", LARGE)), ask(decoders, row("small"))]
        await asyncio.sleep(0)
        for key in ("first", "small", "large"):
            by_hand.end(key)
        await asyncio.gather(first, *others)
        assert by_hand.begun == ["first", "small", "large"]

    run(test, decoders=1)


def test_one_image_is_worked_on_once_at_a_time_and_others_pass(by_hand: DecodersByHand) -> None:
    async def test(decoders: LocalDecoders) -> None:
        tiles = [ask(decoders, row("viewed")) for _ in range(3)]
        other = ask(decoders, row("other"))
        await until(lambda: sorted(by_hand.begun) == ["other", "viewed"])
        by_hand.end("other")
        await other
        assert by_hand.begun.count("viewed") == 1
        for _ in tiles:
            by_hand.end("viewed")
            done = sum(tile.done() for tile in tiles)
            await until(lambda done=done: sum(tile.done() for tile in tiles) > done)  # type: ignore[misc]
        assert by_hand.begun.count("viewed") == 3

    run(test, decoders=2)


def test_more_than_can_be_made_in_time_is_refused_at_once(by_hand: DecodersByHand) -> None:
    async def test(decoders: LocalDecoders) -> None:
        first = ask(decoders, row("first"))
        await until(lambda: by_hand.begun == ["first"])
        second = ask(decoders, row("second", LARGE))
        with pytest.raises(OverloadedError, match=r"^3\.2$"):
            await ask(decoders, row("third"))
        by_hand.end("first")
        by_hand.end("second")
        await asyncio.gather(first, second)

    run(test, decoders=1, deadline_s=3.0)


def test_who_waits_in_vain_is_told_when_decoders_prove_slow(
    by_hand: DecodersByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(decoders: LocalDecoders) -> None:
        monkeypatch.setattr(local_decoders, "time", SimpleNamespace(monotonic=lambda: 0.0))
        first = ask(decoders, row("first"))
        await until(lambda: by_hand.begun == ["first"])
        second, third = ask(decoders, row("second", LARGE)), ask(decoders, row("third", LARGE))
        await asyncio.sleep(0)
        monkeypatch.setattr(local_decoders, "time", SimpleNamespace(monotonic=lambda: 6.0))
        by_hand.end("first")
        await first
        with pytest.raises(OverloadedError, match=r"^48\.1"):
            await third
        by_hand.end("second")
        await second

    run(test, decoders=1, deadline_s=50.0)  # of which 6 are over when that is known


def test_whom_nobody_waits_for_is_not_begun(by_hand: DecodersByHand) -> None:
    async def test(decoders: LocalDecoders) -> None:
        first, left, last = (ask(decoders, row(key)) for key in ("first", "left", "last"))
        await until(lambda: by_hand.begun == ["first"])
        left.cancel()
        await asyncio.sleep(0)
        by_hand.end("first")
        by_hand.end("last")
        await asyncio.gather(first, last)
        assert by_hand.begun == ["first", "last"]

    run(test, decoders=1)


def test_a_decoder_that_died_is_replaced_and_one_that_is_alone_is_alone(by_hand: DecodersByHand) -> None:
    async def test(decoders: LocalDecoders) -> None:
        killed, other = ask(decoders, row("killed")), ask(decoders, row("other"))
        await until(lambda: len(by_hand.begun) == 2)
        by_hand.end("killed", DecoderDiedError("by a test"))
        with pytest.raises(DecoderDiedError, match="by a test"):
            await killed
        again = ask(decoders, row("killed"), alone=True)
        await until(lambda: by_hand.starts == 3)
        assert by_hand.begun.count("killed") == 1
        later = ask(decoders, row("later", LARGE))
        by_hand.end("other")
        await other
        await until(lambda: by_hand.begun.count("killed") == 2)
        assert "later" not in by_hand.begun
        by_hand.end("killed")
        by_hand.end("later")
        await asyncio.gather(again, later)

    run(test, decoders=2)


def test_tiny_ones_go_together_and_alone_once_a_decoder_died_of_them(by_hand: DecodersByHand) -> None:
    async def test(decoders: LocalDecoders) -> None:
        first = ask(decoders, row("first"))
        await until(lambda: by_hand.begun == ["first"])
        tiny = [ask(decoders, row(f"{number}", TINY)) for number in range(12)]
        small = ask(decoders, row("small"))
        await asyncio.sleep(0)
        by_hand.end("first")
        together = " ".join(map(str, range(10)))  # as many pixels as gain by it
        await until(lambda: by_hand.begun == ["first", together])
        by_hand.end(together, DecoderDiedError("of one of them"))
        by_hand.end("0", DecoderDiedError("of this one"))
        for key in (*map(str, range(1, 10)), "10 11", "small"):
            by_hand.end(key)
        with pytest.raises(DecoderDiedError, match="of this one"):
            await tiny[0]
        await asyncio.gather(first, small, *tiny[1:])
        assert sorted(by_hand.begun[2:]) == sorted([*map(str, range(10)), "10 11", "small"])

    run(test, decoders=1)
