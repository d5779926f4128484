"""A pool of Ray actors, each a thin shell around one resident worker."""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic

import ray
import torch
from ray.exceptions import GetTimeoutError, OutOfMemoryError, RayActorError, RayTaskError

from pipeline.config import WorkersConfig
from pipeline.errors import ConfigError, TenfoldError
from pipeline.workers.freed_memory import keep_freed_memory
from pipeline.workers.lifeline import Lifeline
from pipeline.workers.placement import place
from pipeline.workers.pool import OUT_OF_MEMORY, Died, Done, ResultT, TaskT, WorkerSpec, lost_device
from pipeline.workers.ray_session import RaySession

_IN_FLIGHT_PER_ACTOR = 2
"""One task works while the next one reads ahead."""
_START_TIMEOUT_S = 300
"""An actor that is not up by then (image pull, model load, no free GPU) is an error."""
_ANSWERS = 20
"""An actor whose death is not known yet refuses a few times before it is restarted."""
_PAUSE_S = 0.5


class _Shell:
    """What lives in an actor: the worker, built there."""

    def __init__(self, spec: WorkerSpec[Any], threads: int) -> None:
        keep_freed_memory()
        if ray.get_gpu_ids() and not torch.cuda.is_available():
            raise ConfigError(
                f"Expected PyTorch to use the GPU that Ray lends on {socket.gethostname()}, got torch "
                f"{torch.__version__}, which sees none: install its CUDA build there, or check the driver."
            )
        self._worker = spec.build(threads=threads)

    def ready(self) -> str:
        return str(ray.get_runtime_context().get_node_id())

    def run(self, task: Any) -> Any:
        return self._worker.run(task)

    def stay(self) -> None:
        time.sleep(_START_TIMEOUT_S)


class RayPool(Generic[TaskT, ResultT]):
    """`count` actors, each with up to two tasks in flight.

    Ray restarts a dead actor; the tasks it held come back as `Died` and the caller decides about a retry,
    so that every retry is a visible new attempt.
    """

    def __init__(self, spec: WorkerSpec[Any], config: WorkersConfig) -> None:
        """Join or start Ray and start the actors.

        Raises:
            ConfigError: no cluster at the address, or it lacks the resources asked for.
            TenfoldError: Ray is gone.
        """
        self._session = RaySession(config)
        self._lifeline = self._session.lifeline
        self._actors: list[Any] = []
        try:
            self._actors = _start_actors(spec, config, self._lifeline)
        except BaseException:
            self.close()
            raise
        self._waiting: deque[tuple[TaskT, bool]] = deque()
        self._load: dict[int, int] = dict.fromkeys(range(len(self._actors)), 0)
        self._reserved: set[int] = set()
        self._running: dict[Any, tuple[int, TaskT]] = {}

    @property
    def size(self) -> int:
        """Actors in the pool."""
        return len(self._actors)

    @property
    def capacity(self) -> int:
        """Tasks worth having in flight."""
        return _IN_FLIGHT_PER_ACTOR * len(self._actors)

    def submit(self, task: TaskT, *, alone: bool = False) -> None:
        """Queue a task for the least loaded actor; `alone`, nothing else runs in that actor meanwhile."""
        self._waiting.append((task, alone))
        self._assign()

    def _assign(self) -> None:
        """Start what can start, in order: a task that must be alone waits until its actor is empty."""
        while self._waiting:
            task, alone = self._waiting[0]
            room = 1 if alone else _IN_FLIGHT_PER_ACTOR
            free = [at for at, load in self._load.items() if load < room and at not in self._reserved]
            if not free:
                return
            at = min(free, key=lambda index: self._load[index])
            self._waiting.popleft()
            if alone:
                self._reserved.add(at)
                _until_up(self._actors[at], self._lifeline)
            self._running[self._actors[at].run.remote(task)] = (at, task)
            self._load[at] += 1

    def next(self, timeout_s: float) -> Done[TaskT, ResultT] | Died[TaskT] | None:
        """The next outcome, or None when none came in time; an exception of the worker is raised here.

        Raises:
            TenfoldError: Ray is gone, and nothing would ever come.
        """
        self._lifeline.check()
        if not self._running:
            return None
        ready, _ = ray.wait(list(self._running), num_returns=1, timeout=timeout_s)
        if not ready:
            return None
        at, task = self._running.pop(ready[0])
        self._load[at] -= 1
        self._reserved.discard(at)
        self._assign()
        try:
            return Done(task=task, result=ray.get(ready[0]))
        except (RayActorError, OutOfMemoryError) as error:
            # only a preempted node says so; any other death may be the task's doing
            preempted = bool(getattr(error, "preempted", False))
            return Died(task=task, reason=_short(error), blame="node" if preempted else "task")
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, OUT_OF_MEMORY):
                return Died(task=task, reason=f"out of memory: {cause}", blame="task")
            if lost_device(cause):
                _replace(self._actors[at], self._lifeline)
                return Died(task=task, reason=f"lost its GPU: {_short(cause)}", blame="task")
            if isinstance(cause, Exception):
                raise cause from None
            raise

    def close(self) -> None:
        """Stop the actors, and Ray if it was started here."""
        self._session.close(self._actors)


def _until_up(actor: Any, lifeline: Lifeline) -> None:
    """Wait until an actor answers: what is handed to one that is just dying dies with it, and is innocent."""
    for _ in range(_ANSWERS):
        try:
            _until_there([actor.ready.remote()], lifeline)
        except (RayActorError, GetTimeoutError):
            time.sleep(_PAUSE_S)
        else:
            return


def _replace(actor: Any, lifeline: Lifeline) -> None:
    """End an actor's process, which Ray starts anew, and wait until it is gone: its last call dies with it."""
    last = actor.stay.remote()
    ray.kill(actor, no_restart=False)
    with suppress(RayActorError, GetTimeoutError):
        _until_there([last], lifeline)


def _until_there(results: Sequence[Any], lifeline: Lifeline) -> None:
    """Wait until all are there.

    Raises:
        GetTimeoutError: they are not.
        TenfoldError: Ray is gone.
        Whatever one of them raises, as soon as it does.
    """
    until = time.monotonic() + _START_TIMEOUT_S
    waiting = list(results)
    while waiting:
        lifeline.check()
        came, waiting = ray.wait(waiting, num_returns=1, timeout=_PAUSE_S)
        ray.get(came)
        if waiting and time.monotonic() > until:
            raise GetTimeoutError


def _start_actors(spec: WorkerSpec[Any], config: WorkersConfig, lifeline: Lifeline) -> list[Any]:
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    placement = place(nodes, config, wants_gpu=spec.wants_gpu)
    make: Callable[..., Any] = (
        ray.remote(_Shell)
        .options(
            num_cpus=placement.cpus,
            num_gpus=placement.gpus,
            max_restarts=-1,
            max_task_retries=0,
            max_concurrency=_IN_FLIGHT_PER_ACTOR,
            runtime_env={"env_vars": _environment(placement.threads)},
        )
        .remote
    )
    actors = [make(spec, placement.threads) for _ in range(placement.count)]
    try:
        _until_there([actor.ready.remote() for actor in actors], lifeline)
    except RayTaskError as error:
        if isinstance(error.cause, TenfoldError):
            raise error.cause from None
        raise
    except RayActorError as error:
        raise ConfigError(
            f"Expected {placement.count} workers to start, got: {_short(error)} Ray's logs on that node say more "
            "(/tmp/ray/session_latest/logs)."
        ) from error
    except GetTimeoutError as error:
        raise ConfigError(
            f"Expected {placement.count} workers to start within {_START_TIMEOUT_S} s, got fewer. `ray status` shows "
            "what holds the cluster's CPUs and GPUs: wait for it, or lower --workers."
        ) from error
    return actors


def _environment(threads: int) -> dict[str, str]:
    """Of an actor's process; libraries read it when they are loaded."""
    return {
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "passive"),
    }


def _short(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
