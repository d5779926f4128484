"""A worker's seat: one actor through its lives. Ray starts its process anew whenever it dies."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import ray

_PAUSE_S: Final = 0.5
"""Between two questions to an actor that refuses to answer."""
_NEVER_SENT: Final = "The actor is restarting"
"""What Ray says of a call that it kept; of one that it sent it says that a connection broke."""


@dataclass(slots=True, kw_only=True, eq=False)
class Seat:
    """An actor, and whether its process is one that takes tasks.

    What is handed to a process that is dying dies with it, and is innocent. So a seat whose process died, or is to end,
    is down until another process answers there.
    """

    actor: Any
    name: str
    """A number that no other seat of the pool has."""
    process: str
    """The name of the process that answered last."""
    life: int = 0
    """Deaths that were seen: a task of an earlier life says nothing of this one."""
    is_up: bool = True
    is_gone: bool = False
    """Ray will not start it again."""
    is_reserved: bool = False
    """For a task that is tried alone."""
    load: int = 0
    """Tasks it holds."""
    refusal: str = ""
    """Why it was last found down."""
    _is_ended: bool = False
    _ask_at: float = 0.0

    @property
    def is_due(self) -> bool:
        """Whether to ask if another process is there."""
        return not (self.is_up or self.is_gone) and time.monotonic() >= self._ask_at

    def has_room(self, most: int) -> bool:
        """Whether it takes a task when it may hold so many."""
        return self.is_up and not self.is_reserved and self.load < most

    def died(self, error: BaseException) -> None:
        """Its process is dead, or out of reach."""
        self.life += 1
        self.is_up, self._is_ended = False, False
        self.is_gone = failed_to_start(error)
        self.refusal = last_line(error)
        self._ask_at = time.monotonic()

    def end_process(self, reason: str) -> None:
        """End its process, which does no task well any more; Ray starts another."""
        self.life += 1
        self.is_up, self._is_ended = False, True
        self.refusal = reason
        self._ask_at = time.monotonic()
        ray.kill(self.actor, no_restart=False)

    def refused(self, error: BaseException) -> None:
        """Nothing answered there."""
        if self.is_up:
            self.died(error)
        self.is_gone = failed_to_start(error)
        self.refusal = last_line(error)
        self._ask_at = time.monotonic() + _PAUSE_S

    def answered(self, process: str) -> None:
        """A process answered. One that was taken for dead, and lives, is ended: nobody knows what it still works on."""
        if self.is_up or process != self.process:
            self.is_up, self.process = True, process
            return
        if not self._is_ended:  # a second time could hit the next process
            self._is_ended = True
            ray.kill(self.actor, no_restart=False)
        self._ask_at = time.monotonic() + _PAUSE_S


def failed_to_start(error: BaseException) -> bool:
    """Whether building the worker raised, after which Ray leaves an actor dead."""
    return bool(getattr(error, "_actor_init_failed", False))


def is_nobodys_fault(error: BaseException) -> bool:
    """Whether a task that ended so was not worked on, or lost its worker to something outside."""
    preempted = bool(getattr(error, "preempted", False))
    return preempted or failed_to_start(error) or _NEVER_SENT in str(error)


def last_line(error: BaseException) -> str:
    """What an error comes to, in at most 300 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
