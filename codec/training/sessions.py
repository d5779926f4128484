"""When a session ends before its run: after some minutes, or when someone asks."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from codec.training.progress import TrainingProgress


def after_minutes(minutes: float | None) -> Callable[[TrainingProgress], bool]:
    """True from that many minutes on, counted from now; None is never."""
    end = None if minutes is None else time.monotonic() + 60.0 * minutes
    return lambda _progress: end is not None and time.monotonic() >= end


@contextmanager
def on_signal() -> Iterator[Callable[[TrainingProgress], bool]]:
    """True once SIGINT or SIGTERM came, so that the session ends with a checkpoint; a second one interrupts."""
    asked = False

    def ask(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda _progress: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
