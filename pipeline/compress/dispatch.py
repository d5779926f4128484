"""Keeps the pool busy with units and brings each one home, whatever its workers do.

A unit that kills workers is bisected (retry.py); the image that is left alone becomes a failed row.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import pyarrow as pa

from pipeline.archive.stored_plan import Unit
from pipeline.encode.tasks import EncodeResult, EncodeTask, Stages
from pipeline.workers.pool import Died, Pool
from pipeline.workers.retry import RetryPolicy, halves

EncodePool = Pool[EncodeTask, EncodeResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedUnit:
    """A unit whose every image is in a published shard."""

    unit: Unit
    rows: pa.Table
    """CatalogueRow columns, one row an image."""
    stages: list[Stages]


@dataclass(slots=True, kw_only=True)
class _OpenUnit:
    unit: Unit
    parts_out: int = 1
    results: list[EncodeResult] = field(default_factory=list)


class Dispatcher:
    """Units in, finished units out, in any order."""

    def __init__(self, pool: EncodePool, *, run: str) -> None:
        """Take the pool to work with; every task encodes for `run`."""
        self._pool = pool
        self._run = run
        self._waiting: deque[EncodeTask] = deque()
        self._in_flight = 0
        self._open: dict[int, _OpenUnit] = {}
        self._retry: RetryPolicy[EncodeTask] = RetryPolicy(self._split)

    @property
    def idle(self) -> bool:
        """Nothing is under way."""
        return not self._open

    @property
    def has_room(self) -> bool:
        """Another unit would keep a worker from waiting."""
        return len(self._waiting) + self._in_flight < self._pool.capacity

    def submit(self, unit: Unit) -> None:
        """Take a unit on."""
        self._open[unit.number] = _OpenUnit(unit=unit)
        self._waiting.append(EncodeTask(run=self._run, number=unit.number))
        self._fill()

    def next(self, timeout_s: float) -> FinishedUnit | None:
        """The next finished unit, or None when none came in time.

        Raises:
                TenfoldError: workers keep dying without any success; or what a worker raised.
        """
        self._fill()
        outcome = self._pool.next(timeout_s)
        if outcome is None:
            return None
        self._in_flight -= 1
        if isinstance(outcome, Died):
            self._after_death(outcome)
            return None
        self._retry.succeeded()
        return self._part_done(outcome.task, outcome.result)

    def _fill(self) -> None:
        while self._waiting and self._in_flight < self._pool.capacity:
            task = self._waiting.popleft()
            self._pool.submit(task, alone=self._retry.is_suspect(task))
            self._in_flight += 1

    def _part_done(self, task: EncodeTask, result: EncodeResult) -> FinishedUnit | None:
        opened = self._open[task.number]
        opened.results.append(result)
        opened.parts_out -= 1
        if opened.parts_out:
            return None
        del self._open[task.number]
        return FinishedUnit(
            unit=opened.unit,
            rows=pa.concat_tables(part.rows for part in opened.results),
            stages=[part.stages for part in opened.results],
        )

    def _after_death(self, death: Died[EncodeTask]) -> None:
        task, instead = death.task, self._retry.after(death)
        if not instead:
            words = f"its worker died each time it was tried alone: {death.reason}"
            instead = [replace(task, give_up=words)]
        self._open[task.number].parts_out += len(instead) - 1
        self._waiting.extendleft(instead)
        self._fill()

    def _split(self, task: EncodeTask) -> list[EncodeTask]:
        indices = task.indices or tuple(range(self._open[task.number].unit.images))
        return [replace(task, indices=half) for half in halves(indices)]
