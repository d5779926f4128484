"""A pool that is as far away as Ray's for all that goes there and comes back, but in this process."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

from ray import cloudpickle

from pipeline.config import WorkersConfig
from pipeline.events import WorkerPlace
from pipeline.workers.local_pool import LocalPool
from pipeline.workers.pool import Died, Done, WorkerSpec


class SentPool:
    """Stands in for `RayPool`: its worker, and every task and result, cross as Ray's pickles."""

    size = 1
    capacity = 2
    place: WorkerPlace = "own Ray"

    def __init__(self, spec: WorkerSpec[Any], _config: WorkersConfig) -> None:
        self._pool: LocalPool[Any, Any] = LocalPool(_sent(spec).build(threads=1))
        self._tasks: deque[Any] = deque()

    def submit(self, task: Any, *, alone: bool = False) -> None:
        """Send a task."""
        self._tasks.append(task)
        self._pool.submit(_sent(task), alone=alone)

    def next(self, timeout_s: float) -> Done[Any, Any] | Died[Any] | None:
        """Do the oldest task, and send back what it came to."""
        outcome = self._pool.next(timeout_s)
        if outcome is None:
            return None
        task = self._tasks.popleft()
        if isinstance(outcome, Done):
            return Done(task=task, result=_sent(outcome.result), worker=outcome.worker)
        return replace(outcome, task=task)

    def close(self) -> None:
        """End the worker."""
        self._pool.close()


def _sent(thing: Any) -> Any:
    return cloudpickle.loads(cloudpickle.dumps(thing))
