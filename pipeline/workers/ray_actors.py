"""Ray actors, each a thin shell around one resident worker, and how they are started."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

import ray
import torch
from ray.exceptions import GetTimeoutError, RayActorError

from pipeline.config import WorkersConfig
from pipeline.errors import ConfigError
from pipeline.workers.freed_memory import keep_freed_memory
from pipeline.workers.lifeline import Lifeline
from pipeline.workers.placement import place
from pipeline.workers.pool import WorkerSpec
from pipeline.workers.ray_seat import Seat, last_line

IN_FLIGHT_PER_ACTOR: Final = 2
"""One task works while the next one reads ahead."""
_START_TIMEOUT_S: Final = 300
"""An actor that is not up by then (image pull, model load, no free GPU) is an error."""
_LOOK_EVERY_S: Final = 0.5


class TenfoldWorker:
    """What lives in an actor: the worker, built there. Its name, and those of its class and tasks, are what a person
    sees on Ray's dashboard and in its logs."""

    def __init__(self, spec: WorkerSpec[Any], threads: int, name: str) -> None:
        self._name = name
        if ray.get_gpu_ids() and not torch.cuda.is_available():
            raise ConfigError(
                f"Expected PyTorch to use the GPU that Ray lends on {socket.gethostname()}, got torch "
                f"{torch.__version__}, which sees none: install its CUDA build there, or check the driver."
            )
        keep_freed_memory()
        torch.set_num_threads(threads)
        self._worker = spec.build(threads=threads)
        self._process = uuid4().hex

    def __repr__(self) -> str:
        return self._name

    def process(self) -> str:
        """A name that no other process has, nor the next one of this actor."""
        return self._process

    def run(self, task: Any) -> Any:
        """Do one task."""
        return self._worker.run(task)


def start_actors(spec: WorkerSpec[Any], config: WorkersConfig, lifeline: Lifeline) -> list[Seat]:
    """One seat for every worker that there is room for, each up.

    Raises:
        ConfigError: too little room, or a worker does not start.
        TenfoldError: Ray is gone.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    placement = place(nodes, config, wants_gpu=spec.wants_gpu)
    kind = ray.remote(TenfoldWorker)
    demands: dict[str, Any] = {
        "num_cpus": placement.cpus,
        "num_gpus": placement.gpus,
        "max_restarts": -1,
        "max_task_retries": 0,
        "max_concurrency": IN_FLIGHT_PER_ACTOR,
        "runtime_env": {"env_vars": _environment(placement.threads)},
        "namespace": uuid4().hex,  # a name is taken once in it, and that of a dead actor not free at once
    }
    numbers = range(1, placement.count + 1)
    names = [f"tenfold {spec.does} {number}" for number in numbers]
    actors = [kind.options(name=name, **demands).remote(spec, placement.threads, name) for name in names]
    try:
        processes = _answers([actor.process.remote() for actor in actors], lifeline)
    except RayActorError as error:
        raise ConfigError(
            f"Expected {placement.count} workers to start, got: {last_line(error)} Ray's logs on that node say more "
            "(/tmp/ray/session_latest/logs)."
        ) from error
    except GetTimeoutError as error:
        raise ConfigError(
            f"Expected {placement.count} workers to start within {_START_TIMEOUT_S} s, got fewer. `ray status` shows "
            "what holds the cluster's CPUs and GPUs: wait for it, or lower --workers."
        ) from error
    return [
        Seat(actor=actor, name=str(number), process=process)
        for number, actor, process in zip(numbers, actors, processes, strict=True)
    ]


def _answers(questions: Sequence[Any], lifeline: Lifeline) -> list[str]:
    """What all of them come to.

    Raises:
        GetTimeoutError: they come to nothing in time.
        TenfoldError: Ray is gone.
        Whatever one of them raises, as soon as it does.
    """
    until = time.monotonic() + _START_TIMEOUT_S
    waiting = list(questions)
    while waiting:
        lifeline.check()
        came, waiting = ray.wait(waiting, num_returns=1, timeout=_LOOK_EVERY_S)
        ray.get(came)
        if waiting and time.monotonic() > until:
            raise GetTimeoutError
    return [str(answer) for answer in ray.get(list(questions))]


def _environment(threads: int) -> dict[str, str]:
    """Of an actor's process; libraries read it when they are loaded."""
    return {
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "passive"),
    }
