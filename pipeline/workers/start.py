"""Where a run's workers come from: this process, or Ray."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from codec.cpus import usable_cpus
from pipeline.config import WorkersConfig
from pipeline.progress import Listener, PhaseBegan, WorkersStarted
from pipeline.workers.pool import LocalPool, Pool, WorkerSpec


@contextmanager
def working_pool(
    spec: WorkerSpec[Any], workers: WorkersConfig, listen: Listener, *, phase: str = "working"
) -> Iterator[Pool[Any, Any]]:
    """A pool that is closed at the end; `listen` hears of the phases `starting` and then `phase`.

    Raises:
        ConfigError: no cluster, or too small a one.
    """
    listen(PhaseBegan(phase="starting"))
    with closing(start_pool(spec, workers)) as pool:
        listen(WorkersStarted(workers=pool.size))
        listen(PhaseBegan(phase=phase))
        yield pool


def start_pool(spec: WorkerSpec[Any], workers: WorkersConfig) -> Pool[Any, Any]:
    """Build one worker here for `workers.count` 0, else Ray actors.

    Raises:
        ConfigError: no cluster, or too small a one.
    """
    if workers.count == 0:
        return LocalPool(spec.build(threads=usable_cpus()))
    from pipeline.workers.ray_pool import RayPool  # --workers 0 must not need, or wait for, Ray

    return RayPool(spec, workers)
