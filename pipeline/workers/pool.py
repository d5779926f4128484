"""Where work runs: the same worker in this process (local_pool.py), or in Ray actors (ray_pool.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, Protocol, TypeVar

from pipeline.events import WorkerPlace

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

    does: ClassVar[str]
    """What its workers do, in one word such as `encode`: their name on a Ray dashboard."""
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
    worker: str
    """Which one of the pool did it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Died(Generic[TaskT]):
    """A task whose worker is gone. `blame` says whether the task may be the cause, or was not even begun, or its node
    just left."""

    task: TaskT
    reason: str
    blame: Literal["task", "node"]


class Pool(Protocol[TaskT, ResultT]):
    """Workers that take tasks and give outcomes back in any order. An exception of a task is raised."""

    @property
    def size(self) -> int:
        """Workers in the pool."""
        ...

    @property
    def place(self) -> WorkerPlace:
        """Where the workers are."""
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
