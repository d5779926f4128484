"""One session of a run: until when it goes on, and who hears what it does.

Beside steps a session has stages that take from seconds to minutes: reading, fitting, evaluating, exporting. Whatever
goes through many things there goes through them with `stage`, which tells whoever watches how far it is, and ends the
session between two of them when its time is up or somebody asked.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType
from typing import Final, TypeVar

ItemT = TypeVar("ItemT")
_SHARE_FOR_READING: Final = 1.0 / 3.0
"""Of a session's minutes: who has few of them trains on a part of the images."""
_LEAST_IMAGES: Final = 64
_SAME_S: Final = 1.0
"""Who ends a group of processes sends a signal twice (`timeout`): that is one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProgress:
    """How far a stage is."""

    words: str
    """What it makes of its things, so that a number fits before it: `images read`."""
    done: int
    total: int | None
    """None while it is not known."""

    def line(self) -> str:
        """For a person."""
        return f"{self.done:,}{'' if self.total is None else f' of {self.total:,}'} {self.words}"


class SessionOver(Exception):  # noqa: N818  it is no error
    """Ends a stage in the middle, because the session is over."""


class Session:
    """Without limits it goes on to the end of the run."""

    def __init__(
        self,
        *,
        minutes: float | None = None,
        steps: int | None = None,
        tell: Callable[[StageProgress], None] = lambda _: None,
    ) -> None:
        """The minutes count from here: everything that the session does, its weights file included.

        Args:
            steps: training steps after which it ends.
            tell: told before each thing of a stage, and after the last.
        """
        now = time.monotonic()
        self._ends_at = None if minutes is None else now + 60.0 * minutes
        self._reading_ends_at = None if minutes is None else now + _SHARE_FOR_READING * 60.0 * minutes
        self._may_read_less = False
        self._steps_left = steps
        self.images: int | None = None
        """How many images the run reads, where its first session had no time for all."""
        self._tell = tell
        self._closing_seconds = 0.0
        self._is_closing = self.was_interrupted = False
        self.stage: StageProgress | None = None
        """The one that it is in, or was in last."""

    @property
    def seconds_left(self) -> float | None:
        """For steps and evaluations; None without a limit."""
        if self._ends_at is None:
            return None
        return self._ends_at - self._closing_seconds - time.monotonic()

    def keep_for_the_end(self, seconds: float) -> None:
        """Foresee that closing takes so long: steps and evaluations end earlier by as much."""
        self._closing_seconds = seconds

    def is_over(self, *, before: float = 0.0) -> bool:
        """Whether to stop; with `before`, whether something that takes so many seconds must not begin."""
        if self.was_interrupted:
            return True
        if self._is_closing:
            return False
        left = self.seconds_left
        return self._steps_left == 0 or (left is not None and left <= before)

    def begin_reading(self, images: int | None, *, of_new_run: bool) -> None:
        """From here on `ends_reading` says when there are enough images.

        Args:
            images: as many as the run's first session read, if that had no time for all.
            of_new_run: whether this is the first session, and may read fewer than there are.
        """
        self.images, self._may_read_less = images, of_new_run

    def ends_reading(self, images: int) -> bool:
        """Whether so many images are enough."""
        ends_at = self._reading_ends_at if self._may_read_less else None
        if ends_at is not None and images >= _LEAST_IMAGES and time.monotonic() >= ends_at:
            self.images, self._may_read_less = images, False
        return self.images is not None and images >= self.images

    def count_step(self) -> None:
        """One more training step is done."""
        if self._steps_left:
            self._steps_left -= 1

    def interrupt(self) -> None:
        """End with a checkpoint, and no weights file: somebody waits."""
        self.was_interrupted = True

    def close(self) -> None:
        """Begin what ends every session: from here on only an interruption stops it."""
        self._is_closing = True

    def tell(self, words: str, done: int, total: int | None) -> None:
        """Say how far a stage is."""
        self.stage = StageProgress(words=words, done=done, total=total)
        self._tell(self.stage)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """What goes through `stage` meanwhile belongs to this session."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


_current: ContextVar[Session | None] = ContextVar("session", default=None)


def current_session() -> Session | None:
    """The session at work, if there is one."""
    return _current.get()


def stage(words: str, items: Iterable[ItemT], *, total: int | None = None) -> Iterator[ItemT]:
    """The items, one by one, each told of to the session at work, if there is one.

    Args:
        words: what becomes of them, so that a number fits before it: `images read`.
        total: how many there are, where they do not say it themselves.
    Raises:
        SessionOver: the session is over.
    """
    session = _current.get()
    if session is None:
        yield from items
        return
    total = len(items) if total is None and isinstance(items, Sized) else total
    done = 0
    try:
        for done, item in enumerate(items, 1):
            session.tell(words, done - 1, total)
            if session.is_over():
                raise SessionOver(words)
            yield item
    finally:
        if isinstance(items, Generator):
            items.close()  # here, and not in whichever thread collects it
    session.tell(words, done, total)


@contextmanager
def interrupted_by_signals(session: Session) -> Iterator[None]:
    """SIGINT or SIGTERM interrupts the session, which ends with a checkpoint; a second one ends it at once."""
    asked_at: float | None = None

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked_at
        now = time.monotonic()
        if asked_at is not None and now - asked_at >= _SAME_S:
            raise KeyboardInterrupt
        asked_at = now
        session.interrupt()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
