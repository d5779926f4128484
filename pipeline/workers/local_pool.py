"""Work in this process, without Ray."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Generic, Self

import torch

from pipeline.errors import TenfoldError
from pipeline.events import WorkerPlace
from pipeline.workers.pool import Died, Done, ResultT, TaskT, Worker
from pipeline.workers.torch_failures import OUT_OF_MEMORY, lost_device

_ONLY: Final = "1"


class LocalPool(Generic[TaskT, ResultT]):
    """One worker in this process. Tasks run inside `next`."""

    def __init__(self, worker: Worker[TaskT, ResultT]) -> None:
        """Take the worker to run tasks with."""
        self._worker = worker
        self._waiting: deque[TaskT] = deque()

    @classmethod
    def of(cls, build: Callable[..., Worker[TaskT, ResultT]], *, threads: int) -> Self:
        """Build the worker as `WorkerSpec.build` does, and give it so many of the machine's cores."""
        torch.set_num_threads(threads)
        return cls(build(threads=threads))

    size = 1
    capacity = 1
    place: WorkerPlace = "here"

    def submit(self, task: TaskT, *, alone: bool = False) -> None:
        """Queue a task."""
        self._waiting.append(task)

    def next(self, timeout_s: float) -> Done[TaskT, ResultT] | Died[TaskT] | None:
        """Run the oldest task to its end, however long that takes."""
        if not self._waiting:
            return None
        task = self._waiting.popleft()
        try:
            return Done(task=task, result=self._worker.run(task), worker=_ONLY)
        except OUT_OF_MEMORY as error:
            return Died(task=task, reason=f"out of memory: {error}", blame="task")
        except RuntimeError as error:
            if not lost_device(error):
                raise
            raise TenfoldError(
                f"Expected the GPU to go on, got: {str(error).splitlines()[0]}. What is finished is kept: run the same "
                "command again, without --workers 0 for workers that are replaced when they lose their GPU."
            ) from error

    def close(self) -> None:
        """Close the worker."""
        self._worker.close()
