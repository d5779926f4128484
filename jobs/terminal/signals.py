"""Polite kills: Ctrl-C, SIGTERM, and SIGHUP of a terminal that goes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_POLITE: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAME_S: Final = 1.0
"""Who ends a group of processes sends a signal twice (`timeout`): that is one request."""


class StopAsked:
    """Whether somebody asked this process to end."""

    def __init__(self) -> None:
        """Nobody did."""
        self.was_made = False
        self._last = 0.0

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """Take a signal; another one, later, cuts short what the first one set going."""
        now = time.monotonic()
        is_same = self.was_made and now - self._last < _SAME_S
        self.was_made, self._last = True, now
        if not is_same:
            raise KeyboardInterrupt


@contextmanager
def signals_as_interrupt() -> Iterator[StopAsked]:
    """Every polite kill is a KeyboardInterrupt, except those that this process was told to ignore (`nohup`)."""
    asked = StopAsked()
    before = {number: signal.getsignal(number) for number in _POLITE}
    taken = [number for number in _POLITE if before[number] not in (signal.SIG_IGN, None)]
    for number in taken:
        signal.signal(number, asked)
    try:
        yield asked
    finally:
        for number in taken:
            signal.signal(number, before[number])


def hurry_on_signals(code: int) -> None:
    """From here on a polite kill ends the process at once: before a verb has begun, between its parts, and when all is
    said and done.

    Args:
        code: that it ends with.
    """

    def leave(_number: int, _frame: FrameType | None) -> None:
        os._exit(code)

    for number in _POLITE:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, leave)
