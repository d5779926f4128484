"""A pool of Ray actors: who works on what, and what became of it.

A task is started only on a worker that is up. One that is tried alone is started when its worker has just answered, so
that a death meanwhile is its own.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, Generic

import ray
from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError

from pipeline.config import WorkersConfig
from pipeline.errors import TenfoldError
from pipeline.events import WorkerPlace
from pipeline.workers.pool import Died, Done, ResultT, TaskT, WorkerSpec
from pipeline.workers.ray_actors import IN_FLIGHT_PER_ACTOR, start_actors
from pipeline.workers.ray_seat import Seat, is_nobodys_fault, last_line
from pipeline.workers.ray_session import RaySession
from pipeline.workers.torch_failures import OUT_OF_MEMORY, lost_device

_PATIENCE_S: Final = 900.0
"""A busy machine loads a model, or a cluster brings up a node in the place of a lost one, in far less."""
_NAP_S: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run(Generic[TaskT]):
    """A task that was handed to a seat, in which of its lives."""

    task: TaskT
    seat: Seat
    life: int
    alone: bool


class RayPool(Generic[TaskT, ResultT]):
    """`count` actors, each with up to two tasks in flight.

    Ray restarts a dead actor; the tasks it held come back as `Died` and the caller decides about a retry,
    so that every retry is a visible new attempt.
    """

    def __init__(
        self, spec: WorkerSpec[Any], config: WorkersConfig, *, patience_s: float = _PATIENCE_S
    ) -> None:
        """Join or start Ray and start the actors.

        Args:
            patience_s: how long tasks may wait while no worker is up to take one.
        Raises:
            ConfigError: no cluster at the address, or it lacks the resources asked for.
            TenfoldError: Ray is gone.
        """
        self._session = RaySession(config)
        self._task_name = f"tenfold {spec.does}"
        self._lifeline = self._session.lifeline
        self._patience_s = patience_s
        self._stalled_s = 0.0
        self._seats: list[Seat] = []
        try:
            self._seats = start_actors(spec, config, self._lifeline)
        except BaseException:
            self.close()
            raise
        self._waiting: deque[tuple[TaskT, bool]] = deque()
        self._asked: dict[Any, Seat] = {}
        self._guests: dict[Seat, TaskT] = {}
        """Tasks to be tried alone, each where its worker was asked whether it is up."""
        self._running: dict[Any, _Run[TaskT]] = {}

    @property
    def size(self) -> int:
        """Actors in the pool."""
        return len(self._seats)

    @property
    def place(self) -> WorkerPlace:
        """Where the workers are."""
        return "own Ray" if self._session.starts_here else "cluster"

    @property
    def capacity(self) -> int:
        """Tasks worth having in flight."""
        return IN_FLIGHT_PER_ACTOR * len(self._seats)

    def submit(self, task: TaskT, *, alone: bool = False) -> None:
        """Queue a task for the least loaded actor; `alone`, nothing else runs in that actor meanwhile."""
        self._waiting.append((task, alone))
        self._assign()

    def next(self, timeout_s: float) -> Done[TaskT, ResultT] | Died[TaskT] | None:
        """The next outcome, or None when none came in time; an exception of the worker is raised here.

        Raises:
            TenfoldError: Ray is gone, and nothing would ever come; or no worker came up again.
        """
        self._lifeline.check()
        for seat in set(self._seats) - set(self._asked.values()):
            if seat.is_due:
                self._ask(seat)
        self._assign()
        came = self._wait(timeout_s)
        if came in self._asked:
            self._hear(came)
        outcome = self._outcome(came) if came in self._running else None
        self._assign()
        return outcome

    def _wait(self, timeout_s: float) -> Any:
        """What came in time, a result or an answer, or None."""
        if not (self._running or self._guests or self._waiting):
            return None
        began = time.monotonic()
        watched = [*self._running, *self._asked]
        if watched:
            ready, _ = ray.wait(watched, num_returns=1, timeout=timeout_s)
        else:
            ready = []
            time.sleep(min(timeout_s, _NAP_S))
        self._stalled_s = 0.0 if self._running else self._stalled_s + time.monotonic() - began
        if not ready and not self._running:
            self._check_patience()
        return ready[0] if ready else None

    def _check_patience(self) -> None:
        """Raise where no worker is up, and none will be."""
        if self._stalled_s < self._patience_s and not all(seat.is_gone for seat in self._seats):
            return
        last = max(self._seats, key=lambda seat: seat.life)
        raise TenfoldError(
            f"Expected a worker that is up, got none of {len(self._seats)} for {self._stalled_s:.0f} s (one of "
            f"them: {last.refusal}). What is finished is kept: see that the cluster has its nodes and GPUs (`ray "
            "status` shows them), then run the same command again to go on."
        )

    def _assign(self) -> None:
        """Start what can start, in order: a task that must be alone waits until a worker is empty."""
        while self._waiting:
            task, alone = self._waiting[0]
            free = [seat for seat in self._seats if seat.has_room(1 if alone else IN_FLIGHT_PER_ACTOR)]
            if not free:
                return
            seat = min(free, key=lambda seat: seat.load)
            self._waiting.popleft()
            if alone:
                seat.is_reserved = True
                self._guests[seat] = task
                self._ask(seat)
            else:
                self._start(task, seat)

    def _start(self, task: TaskT, seat: Seat) -> None:
        run = _Run(task=task, seat=seat, life=seat.life, alone=seat.is_reserved)
        # One name for all tasks: Ray keeps a time series for each name.
        self._running[seat.actor.run.options(name=self._task_name).remote(task)] = run
        seat.load += 1

    def _ask(self, seat: Seat) -> None:
        self._asked[seat.actor.process.remote()] = seat

    def _hear(self, answer: Any) -> None:
        """Learn whether a seat is up; a task that was to be alone there starts, or waits for another."""
        seat = self._asked.pop(answer)
        try:
            seat.answered(ray.get(answer))
        except (RayActorError, OutOfMemoryError) as error:
            seat.refused(error)
        if seat in self._guests:
            task = self._guests.pop(seat)
            if seat.is_up:
                self._start(task, seat)
            else:
                seat.is_reserved = False
                self._waiting.appendleft((task, True))

    def _outcome(self, result: Any) -> Done[TaskT, ResultT] | Died[TaskT]:
        """What became of a task, and of its worker."""
        run = self._running.pop(result)
        task, seat, was_last = run.task, run.seat, run.life == run.seat.life
        seat.load -= 1
        if run.alone:
            seat.is_reserved = False
        try:
            return Done(task=task, result=ray.get(result), worker=seat.name)
        except (RayActorError, OutOfMemoryError) as error:
            if was_last:
                seat.died(error)
            return Died(
                task=task, reason=last_line(error), blame="node" if is_nobodys_fault(error) else "task"
            )
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, OUT_OF_MEMORY):
                return Died(task=task, reason=f"out of memory: {cause}", blame="task")
            if lost_device(cause):
                reason = f"lost its GPU: {str(cause).splitlines()[0][:300]}"
                if was_last:
                    seat.end_process(reason)
                return Died(task=task, reason=reason, blame="task")
            if isinstance(cause, Exception):
                raise cause from None
            raise

    def close(self) -> None:
        """Stop the actors, and Ray if it was started here."""
        self._session.close([seat.actor for seat in self._seats])
