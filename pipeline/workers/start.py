"""Where a run's workers come from: this process, or Ray."""

from __future__ import annotations

import os
from typing import Any

from pipeline.config import WorkersConfig
from pipeline.workers.pool import LocalPool, Pool, WorkerSpec


def start_pool(spec: WorkerSpec[Any], workers: WorkersConfig) -> Pool[Any, Any]:
    """Build one worker here for `workers.count` 0, else Ray actors.

    Raises:
        ConfigError: no cluster, or too small a one.
    """
    if workers.count == 0:
        return LocalPool(spec.build(threads=os.cpu_count() or 1))
    from pipeline.workers.ray_pool import RayPool  # --workers 0 must not need, or wait for, Ray

    return RayPool(spec, workers)
