"""Errors as one message and an exit code."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from codec.errors import CodecError
from jobs.terminal.output import say
from jobs.terminal.signals import signals_as_interrupt
from jobs.terminal.watch import current_watch
from pipeline.errors import LockedError, NoArchiveError, TenfoldError, UnsafeStoreError, UsageError

OK = 0
"""All is done."""
FAILED = 1
"""The verb failed, or what it looked at is not well; the message says why."""
USAGE = 2
"""The command line is wrong: Click's own code, and ours for what Click cannot know."""
FAILED_IMAGES = 3
"""All is done but for some images, each with a reason in the catalogue or in what was printed."""
NO_ARCHIVE = 10
"""There is no archive at that place, or its catalogue is lost."""
LOCKED = 11
"""Another nightly, adapt, prune, repair or rm holds the archive."""
UNSAFE_STORE = 12
"""The store would let two writers overwrite each other's work."""
TIME_UP = 13
"""The time was up, and work is left for the next run."""
INTERRUPTED = 130
"""Ctrl-C or SIGTERM: the message says what stays, and what the same command does."""
_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (NoArchiveError, NO_ARCHIVE),
    (LockedError, LOCKED),
    (UnsafeStoreError, UNSAFE_STORE),
    (UsageError, USAGE),
    (TenfoldError, FAILED),
    (CodecError, FAILED),
    (FileNotFoundError, FAILED),  # an object of an archive is gone
    (KeyboardInterrupt, INTERRUPTED),
)
_BEGIN_AGAIN: Final = "Run the same command to begin again."
_COMMITTED: Final = "What was committed is in the archive; run the same command to finish."
_MADE: Final = "What was made stays; run the same command to go on."
_STOPPED: Final = {
    "adapt": "The archive is as it was; run the same command to go on with what was learned so far.",
    "compress": _COMMITTED,
    "nightly": _COMMITTED,
    "repair": "What was repaired stays; run the same command to finish.",
    "prune": "What was removed is gone; run the same command to finish.",
    "preview": _MADE,
    "label": _MADE,
}
"""What is true of a verb that was ended, once its run had begun."""
_OURS = tuple(kind for kind, _ in _CODES)


@contextmanager
def clear_errors(*, stopped: str | None = None) -> Iterator[None]:
    """Turn our own errors into one message and an exit code; anything else is a bug and keeps its traceback.

    Ctrl-C, a cluster's polite kill and a terminal that goes all end a verb the same way: finished shards are committed.

    Args:
        stopped: what is said after them; None for what the verb had come to.
    """
    with signals_as_interrupt() as asked:
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            if not asked.was_made and not isinstance(error, _OURS) and not _is_full_disk(error):
                raise
            # a kill that reached the workers, too, may come as their error
            message, code = outcome_of(KeyboardInterrupt() if asked.was_made else error)
            message = stopped if stopped is not None and code == INTERRUPTED else message
            say(message, level="warning" if code == INTERRUPTED else "error")
            raise SystemExit(code) from None


def exit_code(kind: type[BaseException]) -> int:
    """The code that a verb ends with when an error of this kind ends it."""
    return next((code for ours, code in _CODES if issubclass(kind, ours)), FAILED)


def outcome_of(error: BaseException) -> tuple[str, int]:
    """What an error that ends a verb says, and the exit code it ends with."""
    code = exit_code(type(error))
    if _is_full_disk(error):
        folder = tempfile.gettempdir()
        return f"Expected room for temporary files in {folder}, got: {error}. Make room, or set TMPDIR.", code
    return (_stopped_words() if code == INTERRUPTED else str(error) or type(error).__name__), code


def _is_full_disk(error: BaseException) -> bool:
    """Whether a disk of this machine takes no more: what stores refuse is a StorageError."""
    is_stores = isinstance(error, TenfoldError)
    return isinstance(error, OSError) and not is_stores and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _stopped_words() -> str:
    """Promise no more than the verb had come to; one that only reads has come to nothing that stays."""
    progress = current_watch().progress
    began = progress.began
    if began.commits and not progress.committed:
        return "Stopped before anything was committed. Run the same command to begin again."
    return f"Stopped. {_BEGIN_AGAIN if began.is_dry_run else _STOPPED.get(began.verb, _BEGIN_AGAIN)}"
