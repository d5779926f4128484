"""Where a run's workers come from: this process, or Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from codec.cpus import usable_cpus
from pipeline.config import WorkersConfig
from pipeline.events import Listener, PhaseBegan, WorkersStarted
from pipeline.workers.pool import Pool, Worker, WorkerSpec
from pipeline.workers.workload import Workload


@contextmanager
def working_pool(
    spec: WorkerSpec[Any],
    workers: WorkersConfig,
    listen: Listener,
    *,
    workload: Workload | None,
    phase: str = "working",
    build_here: Callable[..., Worker[Any, Any]] | None = None,
) -> Iterator[Pool[Any, Any]]:
    """A pool that is closed at the end; `listen` hears of its start as a phase, and then of `phase`.

    Args:
        workload: None where it is not known.
        build_here: as `spec.build`, for a worker in this process that can share what is loaded already.
    Raises:
        ConfigError: no cluster, or too small a one.
    """
    is_here = is_work_for_here(spec, workers, workload)
    listen(PhaseBegan(phase=_start_words(workers, is_here=is_here)))
    with closing(start_pool(spec, workers, is_here=is_here, build_here=build_here)) as pool:
        listen(WorkersStarted(workers=pool.size, place=pool.place))
        listen(PhaseBegan(phase=phase))
        yield pool


def _start_words(workers: WorkersConfig, *, is_here: bool) -> str:
    if is_here:
        return "starting in this process"
    return "starting Ray" if workers.cluster is None else "joining Ray"


def is_work_for_here(spec: WorkerSpec[Any], workers: WorkersConfig, workload: Workload | None) -> bool:
    """Whether one worker in this process does it: told so, or because it is little and no GPU or cluster is at hand."""
    if workers.count is not None:
        return workers.count == 0
    is_little = workload is not None and workload.is_small and workers.cluster is None
    return is_little and not (spec.wants_gpu and _has_gpu())


def _has_gpu() -> bool:
    import torch  # what starts Ray must not wait for it

    return torch.cuda.is_available()


def start_pool(
    spec: WorkerSpec[Any],
    workers: WorkersConfig,
    *,
    is_here: bool,
    build_here: Callable[..., Worker[Any, Any]] | None = None,
) -> Pool[Any, Any]:
    """One worker in this process, or Ray actors. What one of them imports the other need not wait for.

    Args:
        build_here: as for `working_pool`.
    Raises:
        ConfigError: no cluster, or too small a one.
    """
    if is_here:
        from pipeline.workers.local_pool import LocalPool

        return LocalPool.of(build_here or spec.build, threads=usable_cpus())
    from pipeline.workers.ray_pool import RayPool

    return RayPool(spec, workers)
