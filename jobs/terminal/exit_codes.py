"""Errors as one message and an exit code."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from codec.errors import CodecError
from jobs.terminal.output import say, stderr
from pipeline.errors import LockedError, NoArchiveError, TenfoldError, UnsafeStoreError

OK = 0
FAILED = 1
USAGE = 2
"""Click's own code for a wrong option."""
FAILED_IMAGES = 3
NO_ARCHIVE = 10
LOCKED = 11
UNSAFE_STORE = 12
TIME_UP = 13
INTERRUPTED = 130
_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (NoArchiveError, NO_ARCHIVE),
    (LockedError, LOCKED),
    (UnsafeStoreError, UNSAFE_STORE),
    (TenfoldError, FAILED),
    (CodecError, FAILED),
    (FileNotFoundError, FAILED),  # an object of an archive is gone
    (KeyboardInterrupt, INTERRUPTED),
)
_STOPPED = "Stopped. What was committed is in the archive; run the same command to finish."


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn our own errors into one message and an exit code; anything else is a bug and keeps its traceback."""
    try:
        with _sigterm_as_interrupt():
            yield
    except tuple(kind for kind, _ in _CODES) as error:
        message, code = outcome_of(error)
        stderr.print("[bold red]error:[/]" if code != INTERRUPTED else "", end=" ")
        say(message)
        raise SystemExit(code) from None


def outcome_of(error: BaseException) -> tuple[str, int]:
    """What an error that ends a verb says, and the exit code it ends with."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
    return (_STOPPED if code == INTERRUPTED else str(error) or type(error).__name__), code


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """A cluster's polite kill ends a run as Ctrl-C does: finished shards are committed first."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
