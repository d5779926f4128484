"""Units under way: each becomes tasks, and is finished when the rows of all its images are there.

A unit that kills workers is bisected (pipeline/workers/retry.py); the image that is left alone becomes a failed row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import pyarrow as pa

from pipeline.archive.stored_plan import Unit
from pipeline.encode.tasks import EncodeResult, EncodeTask, Waits
from pipeline.workers.pool import Died, Done
from pipeline.workers.retry import halves


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedUnit:
    """A unit whose every image is in a published shard."""

    unit: Unit
    rows: pa.Table
    """CatalogueRow columns, one row an image."""
    stages: Mapping[str, float]
    """Seconds of work by stage, summed over threads."""
    waits: Waits


class OpenUnits:
    """The units of one run that have begun and are not finished."""

    def __init__(self, run: str) -> None:
        """No unit is under way; every task will encode for `run`."""
        self._run = run
        self._units: dict[int, Unit] = {}
        self._results: dict[int, list[EncodeResult]] = {}

    def __len__(self) -> int:
        """How many."""
        return len(self._units)

    def begin(self, unit: Unit) -> EncodeTask:
        """Take a unit on; the task that does all of it."""
        self._units[unit.number], self._results[unit.number] = unit, []
        return EncodeTask(run=self._run, number=unit.number)

    def split(self, task: EncodeTask) -> list[EncodeTask]:
        """Two tasks that do the same, or none where it is about a single image."""
        indices = task.indices or tuple(range(self._units[task.number].images))
        return [replace(task, indices=half) for half in halves(indices)]

    def give_up(self, death: Died[EncodeTask]) -> list[EncodeTask]:
        """What to do about an image that kills its worker: write it as failed."""
        words = f"its worker died each time it was tried alone: {death.reason}"
        return [replace(death.task, give_up=words)]

    def take(self, done: Done[EncodeTask, EncodeResult]) -> FinishedUnit | None:
        """The unit that is finished with this result, or None while parts of it are under way."""
        number = done.task.number
        self._results[number].append(done.result)
        rows = pa.concat_tables(part.rows for part in self._results[number])
        if rows.num_rows < self._units[number].images:
            return None
        parts = self._results.pop(number)
        stages: Counter[str] = Counter()
        for part in parts:
            stages.update(asdict(part.stages))
        return FinishedUnit(
            unit=self._units.pop(number),
            rows=rows,
            stages=stages,
            waits=sum((part.waits for part in parts), Waits()),
        )
