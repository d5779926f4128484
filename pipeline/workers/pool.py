"""Where work runs: the same worker in this process, or in Ray actors (see ray_pool.py)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import ClassVar, Final, Generic, Literal, Protocol, TypeVar

import torch

from pipeline.errors import TenfoldError

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")
TaskT_contra = TypeVar("TaskT_contra", contravariant=True)
ResultT_co = TypeVar("ResultT_co", covariant=True)


class Worker(Protocol[TaskT_contra, ResultT_co]):
    """Something that holds state worth keeping (a codec on its device) and does one task at a time."""

    def run(self, task: TaskT_contra) -> ResultT_co:
        """Do one task."""
        ...

    def close(self) -> None:
        """Let go of threads and device memory. A worker without threads has nothing to do here."""
        return


WorkerT = TypeVar("WorkerT")
WorkerT_co = TypeVar("WorkerT_co", covariant=True)


class WorkerSpec(Protocol[WorkerT_co]):
    """A picklable description of a worker, built where the worker will live."""

    wants_gpu: ClassVar[bool]
    """It runs a codec's networks on many images, and should have a GPU where there is one."""

    def build(self, *, threads: int) -> WorkerT_co:
        """Make the worker; `threads` is its share of the CPU."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Generic[TaskT, ResultT]):
    """A task that returned."""

    task: TaskT
    result: ResultT


@dataclass(frozen=True, slots=True, kw_only=True)
class Died(Generic[TaskT]):
    """A task whose worker is gone. `blame` says whether the task may be the cause, or was not even begun, or its node
    just left."""

    task: TaskT
    reason: str
    blame: Literal["task", "node"]


OUT_OF_MEMORY = (MemoryError, torch.OutOfMemoryError)
"""A worker that raises one of these lives on, but its task is treated as one that killed it."""
_LOST_DEVICE: Final = ("CUDA error", "cuDNN error")


def lost_device(error: BaseException) -> bool:
    """Whether a GPU is gone for this process (an illegal access, a hardware error, no room for a library's own needs):
    whatever it tries next fails as well, and says nothing about the image at hand."""
    return isinstance(error, RuntimeError) and str(error).startswith(_LOST_DEVICE)


class Pool(Protocol[TaskT, ResultT]):
    """Workers that take tasks and give outcomes back in any order. An exception of a task is raised."""

    @property
    def size(self) -> int:
        """Workers in the pool."""
        ...

    @property
    def capacity(self) -> int:
        """Tasks worth having in flight: more only wait."""
        ...

    def submit(self, task: TaskT, *, alone: bool = False) -> None:
        """Hand a task to a worker; does not wait. `alone`: with no other task in that worker meanwhile."""
        ...

    def next(self, timeout_s: float) -> Done[TaskT, ResultT] | Died[TaskT] | None:
        """The next outcome, or None when none came in time."""
        ...

    def close(self) -> None:
        """Stop the workers this pool started."""
        ...


class LocalPool(Generic[TaskT, ResultT]):
    """One worker in this process: `--workers 0`. Tasks run inside `next`."""

    def __init__(self, worker: Worker[TaskT, ResultT]) -> None:
        """Take the worker to run tasks with."""
        self._worker = worker
        self._waiting: deque[TaskT] = deque()

    size = 1
    capacity = 1

    def submit(self, task: TaskT, *, alone: bool = False) -> None:
        """Queue a task."""
        self._waiting.append(task)

    def next(self, timeout_s: float) -> Done[TaskT, ResultT] | Died[TaskT] | None:
        """Run the oldest task to its end, however long that takes."""
        if not self._waiting:
            return None
        task = self._waiting.popleft()
        try:
            return Done(task=task, result=self._worker.run(task))
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
