"""Ray in the process that drives it: what it takes, and what it leaves behind."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import numpy as np
import PIL.Image
import psutil
import pytest
import ray
import torch

from pipeline.adapt.run import AdaptRun
from pipeline.config import AdaptConfig, CompressConfig, WorkersConfig
from pipeline.errors import ConfigError, TenfoldError
from pipeline.metrics.definitions import COMMON_LABELS, METRICS
from pipeline.metrics.on_ray import RayMeters
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage
from pipeline.workers.pool import Done
from pipeline.workers.ray_pool import RayPool
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


def threads_after_each_pool() -> list[int]:
    """Unnamed threads after each of two pools that started a Ray of their own."""
    counts = []
    for _ in range(2):
        RayPool(IdleSpec(), WorkersConfig(count=1)).close()
        counts.append(threads_that_stay())
    return counts


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted as Linux shows them")
def test_pools_in_one_process_leave_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_enable_open_telemetry")  # the tests' own setting
    first, second = in_own_process(threads_after_each_pool)
    assert second == first


class GpuSpec(IdleSpec):
    """Workers that would like a GPU."""

    wants_gpu: ClassVar[bool] = True


def start_where_ray_alone_sees_a_gpu() -> None:
    """Start workers on a cluster that says it has a GPU."""
    ray.init(address="local", num_cpus=1, num_gpus=1, include_dashboard=False, log_to_driver=False)
    RayPool(GpuSpec(), WorkersConfig())


@pytest.mark.skipif(torch.cuda.is_available(), reason="PyTorch sees a GPU here")
def test_a_gpu_that_pytorch_cannot_use_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")  # or Ray itself refuses
    with pytest.raises(ConfigError, match="which sees none: install its CUDA build there"):
        in_own_process(start_where_ray_alone_sees_a_gpu)


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


def test_a_ray_that_is_killed_is_an_error() -> None:
    assert "(raylet) at" in in_own_process(lose_the_raylet)


@pytest.mark.usefixtures("ray_cluster")
def test_another_address_than_that_of_this_process_is_refused() -> None:
    with pytest.raises(ConfigError, match="which runs in this process already"):
        RayPool(IdleSpec(), WorkersConfig(count=1, ray_address="127.0.0.1:1"))
    there = ray.get_runtime_context().gcs_address
    for same in (there, "auto"):
        RayPool(IdleSpec(), WorkersConfig(count=1, ray_address=same)).close()


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


@pytest.mark.usefixtures("ray_cluster")
def test_a_codec_learns_on_a_worker_of_a_cluster(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    for number in range(24):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3), np.uint8)
        PIL.Image.fromarray(pixels).save(tmp_path / f"source/{number}.bmp")
    config = CompressConfig(workers=WorkersConfig(ray_address="auto"))
    source = parse_source(str(tmp_path / "source"))
    told = AdaptConfig(time="10m")
    record = AdaptRun(source, Storage(str(tmp_path / "archive")), config, told).run().record
    assert record is not None
    assert record.reason.startswith(
        "too few images to learn from: of 20 that were read, 0 can be learned from"
    )
