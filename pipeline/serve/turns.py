"""Work of this process itself, a little at a time: who finds too many before it is sent away at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from pipeline.serve.http.problems import overloaded

_Result = TypeVar("_Result")
_AT_ONCE: Final = 2
"""They share the CPU of one process."""
_MOST_WAITING: Final = 64
_WAIT_S: Final = 1.0


class Turns:
    """Runs functions in threads, few at the same time."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def run(self, work: Callable[[], _Result]) -> _Result:
        """The result of some work, when its turn has come.

        Raises:
            Problem: too many wait already.
        """
        if self._waiting >= _MOST_WAITING:
            raise overloaded(_WAIT_S)
        self._waiting += 1
        try:
            async with self._free:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
