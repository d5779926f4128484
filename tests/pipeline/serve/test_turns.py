"""Work in threads of the server's own process is bounded, and so is who waits for it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from pipeline.serve import turns
from pipeline.serve.http.problems import HttpProblem
from pipeline.serve.turns import Turns


def test_who_finds_too_many_waiting_is_sent_away_and_the_others_get_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "_MOST_WAITING", 5)

    async def test() -> None:
        queue, may_end, running, most = Turns(), threading.Event(), 0, 0

        def work() -> int:
            nonlocal running, most
            running += 1
            most = max(most, running)
            may_end.wait(30)
            running -= 1
            return 7

        several = [asyncio.create_task(queue.run(work)) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(HttpProblem, match="got more requests than that"):
            await queue.run(work)
        may_end.set()
        assert await asyncio.gather(*several) == [7] * 5
        assert most <= 2
        assert await queue.run(lambda: 8) == 8

    asyncio.run(test())
