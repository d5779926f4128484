"""The work of one run: units come from the planner, go through the pool, and end in commits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.stored_plan import Unit
from pipeline.compress.commits import Commits
from pipeline.compress.open_units import OpenUnits
from pipeline.compress.planner import Planner
from pipeline.encode.tasks import EncodeResult, EncodeTask
from pipeline.events import Failure, Heartbeat, ImagesFinished, Listener
from pipeline.totals import Totals
from pipeline.workers.pool import Done, Pool
from pipeline.workers.retry import work_through
from pipeline.workers.workload import Workload

_WAIT_S = 0.25
_LOOK_AHEAD_S = 2.0
"""So long the end of a listing is waited for, when what it gave so far is little work."""


class StopRequest:
    """Whether a run was asked to begin nothing new. Once it was, it stays so."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        """Ask nothing yet."""
        self._ask = ask
        self.was_made = False

    def is_made(self) -> bool:
        """Ask, unless it is known."""
        self.was_made = self.was_made or self._ask()
        return self.was_made


class CompressWork:
    """Drives planner, pool and commits, in one thread. Use once."""

    def __init__(
        self, planner: Planner, units: OpenUnits, commits: Commits, *, stop: StopRequest, listen: Listener
    ) -> None:
        """Begin nothing yet."""
        self._planner = planner
        self._units = units
        self._commits = commits
        self._stop = stop
        self._listen = listen

    def run(
        self, open_pool: Callable[[Workload | None], AbstractContextManager[Pool[EncodeTask, EncodeResult]]]
    ) -> None:
        """Work until nothing is left, or a stop is asked for and what is under way is committed.

        Args:
            open_pool: called when there is something to do, with how much that is, or None while it is not known.
        Raises:
            As `CompressRun.run`; what is finished has been committed then.
        """
        first = self._first_unit()
        if first is None:
            return
        ahead = [first]
        with open_pool(self._look_ahead(ahead)) as pool:
            work = work_through(
                pool,
                self._tasks(ahead),
                self._units.split,
                give_up=self._units.give_up,
                listen=self._listen,
            )
            try:
                for outcome in work:
                    if isinstance(outcome, Done):
                        self._take(outcome)
                    self._planner.tell()
                    self._commits.commit_if_due()
            finally:
                self._commits.commit()

    def _first_unit(self) -> Unit | None:
        """None when there is nothing to do, or no time: a listing of what is known already can take long."""
        while not self._planner.ended and not self._stop.is_made():
            unit = self._planner.next(_WAIT_S)
            if unit is not None:
                return unit
            self._listen(Heartbeat())
        return None

    def _look_ahead(self, units: list[Unit]) -> Workload | None:
        """How much there is to do if that is little; the units that were seen on the way are added to `units`."""
        until = time.monotonic() + _LOOK_AHEAD_S
        while (workload := _workload(units)).is_small and not self._planner.ended:
            if self._stop.is_made() or time.monotonic() > until:
                return None
            unit = self._planner.next(_WAIT_S)
            units += [] if unit is None else [unit]
            self._listen(Heartbeat())
        return workload

    def _tasks(self, ahead: list[Unit]) -> Iterator[EncodeTask | None]:
        for seen in ahead:
            if self._stop.is_made():
                return
            yield self._units.begin(seen)
        while not self._planner.ended and not self._stop.is_made():
            unit = self._planner.next(0 if self._units else _WAIT_S)
            yield None if unit is None else self._units.begin(unit)

    def _take(self, done: Done[EncodeTask, EncodeResult]) -> None:
        finished = self._units.take(done)
        if finished is not None:
            by_status = Totals.by_status(finished.rows)
            self._commits.add(finished.rows)
            self._listen(
                ImagesFinished(
                    images=finished.rows.num_rows,
                    totals=sum(by_status.values(), Totals()),
                    by_status=by_status,
                    failures=_failures(finished.rows),
                    stages=finished.stages,
                    codec_waited_s=finished.waits.codec_s,
                    images_waited_s=finished.waits.images_s,
                    worker=done.worker,
                )
            )


def _failures(rows: pa.Table) -> tuple[Failure, ...]:
    failed = rows.filter(pc.equal(rows["status"], "failed")).select(["key", "reason"])
    return tuple(Failure(**row) for row in failed.to_pylist())


def _workload(units: list[Unit]) -> Workload:
    return Workload.of_files(sum(unit.images for unit in units), sum(unit.source_bytes for unit in units))
