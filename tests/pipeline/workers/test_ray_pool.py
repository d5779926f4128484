"""Ray in the process that drives it: what it takes, and what it leaves behind."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import psutil
import pytest
import ray
import torch

from pipeline.config import WorkersConfig
from pipeline.errors import ConfigError, TenfoldError
from pipeline.metrics.definitions import COMMON_LABELS, METRICS
from pipeline.metrics.on_ray import RayMeters
from pipeline.workers.pool import Done
from pipeline.workers.ray_actors import TenfoldWorker
from pipeline.workers.ray_pool import RayPool
from pipeline.workers.ray_session import RaySession
from tests.support.own_process import in_own_process

pytestmark = pytest.mark.ray


class IdleWorker:
    """Does nothing."""

    def run(self, task: str) -> str:
        """Give the task back."""
        return task

    def close(self) -> None:
        """Nothing to let go of."""


class IdleSpec:
    """Workers that do nothing."""

    does: ClassVar[str] = "idle"
    wants_gpu: ClassVar[bool] = False

    def build(self, *, threads: int) -> IdleWorker:
        """One of them."""
        return IdleWorker()


def unnamed_threads() -> int:
    """Threads of this process that bear its own name. gRPC names its own, and keeps more or fewer of them."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            names.append(task.joinpath("comm").read_text())
    return names.count(Path("/proc/self/comm").read_text())


def threads_that_stay() -> int:
    """The fewest unnamed threads in two seconds: one that ends is seen for some 200 ms, one that is left stays."""
    counts = []
    for _ in range(20):
        counts.append(unnamed_threads())
        time.sleep(0.1)
    return min(counts)


def threads_after_each_session() -> list[int]:
    """Unnamed threads after each of two sessions that started a Ray of their own."""
    counts = []
    for _ in range(2):
        RaySession(WorkersConfig(count=1)).close()
        counts.append(threads_that_stay())
    return counts


def lose_the_raylet() -> str:
    """What a pool says whose Ray was killed, and that it can be closed."""
    pool: RayPool[str, str] = RayPool(IdleSpec(), WorkersConfig(count=1))
    for child in psutil.Process().children():
        if child.name() == "raylet":
            child.kill()
    try:
        while True:
            pool.submit("task")
            pool.next(1.0)
    except TenfoldError as error:
        return str(error)
    finally:
        pool.close()


def two_sessions_and_a_death() -> tuple[list[int], str]:
    """Both of the above, in this order: who leaves a dead Ray leaves a thread that waits for it."""
    return threads_after_each_session(), lose_the_raylet()


@pytest.fixture(scope="module")
def alone() -> tuple[list[int], str]:
    """What a process that has no Ray yet is left with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_enable_open_telemetry")  # the tests' own setting
        return in_own_process(two_sessions_and_a_death)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted as Linux shows them")
def test_sessions_in_one_process_leave_no_threads(alone: tuple[list[int], str]) -> None:
    (first, second), _ = alone
    assert second == first


def test_a_ray_that_is_killed_is_an_error(alone: tuple[list[int], str]) -> None:
    _, said = alone
    assert "(raylet) at" in said


@pytest.mark.skipif(torch.cuda.is_available(), reason="PyTorch sees a GPU here")
def test_a_gpu_that_pytorch_cannot_use_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "get_gpu_ids", lambda: [0])
    with pytest.raises(ConfigError, match="which sees none: install its CUDA build there"):
        TenfoldWorker(IdleSpec(), 1, "tenfold idle 1")


class StillbornSpec(IdleSpec):
    """Workers that cannot be."""

    def build(self, *, threads: int) -> IdleWorker:
        """None of them."""
        raise ConfigError("Expected another machine, got this one.")


@pytest.mark.usefixtures("ray_cluster")
def test_what_is_wrong_where_a_worker_starts_is_said_here() -> None:
    with pytest.raises(ConfigError, match="Expected another machine, got this one"):
        RayPool(StillbornSpec(), WorkersConfig(count=1))


@pytest.mark.usefixtures("ray_cluster")
def test_another_address_than_that_of_this_process_is_refused() -> None:
    with pytest.raises(ConfigError, match="which runs in this process already"):
        RaySession(WorkersConfig(ray_address="127.0.0.1:1"))
    there = ray.get_runtime_context().gcs_address
    for same in (there, "auto"):
        RaySession(WorkersConfig(ray_address=same)).close()


@pytest.mark.usefixtures("ray_cluster")
def test_a_dashboard_shows_who_does_what() -> None:
    pool: RayPool[str, str] = RayPool(IdleSpec(), WorkersConfig(count=1))
    try:
        assert pool.place == "cluster"
        assert "tenfold idle 1" in {one["name"] for one in ray.util.list_named_actors(all_namespaces=True)}
        pool.submit("task")
        while not isinstance(done := pool.next(1.0), Done):
            pass
        assert (done.worker, done.result) == ("1", "task")
    finally:
        pool.close()
    meters = RayMeters()
    for metric in METRICS:
        meters.record(metric, 1.0, dict.fromkeys((*COMMON_LABELS, *metric.labels), "x"))
