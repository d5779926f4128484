"""Ray actors that die: the run goes on, and only the image that kills them is given up."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest
import torch

from pipeline.archive.stored_plan import Unit
from pipeline.compress.open_units import FinishedUnit, OpenUnits
from pipeline.config import WorkersConfig
from pipeline.encode.tasks import EncodeResult, EncodeTask, Stages
from pipeline.errors import StorageError, TenfoldError
from pipeline.workers import retry
from pipeline.workers.local_pool import LocalPool
from pipeline.workers.pool import Done, Pool, Worker
from pipeline.workers.ray_pool import RayPool
from pipeline.workers.retry import work_through
from pipeline.workers.torch_failures import lost_device


@dataclass(frozen=True, kw_only=True)
class MortalSpec:
    """Workers that die on some images, and fail on a whole unit."""

    does: ClassVar[str] = "idle"
    wants_gpu: ClassVar[bool] = False

    poison: Mapping[str, Exception]
    """By key, what the worker raises."""
    killed: Path = Path("/dev/null")
    """Left by a worker that died of what else costs it its GPU; with that there, no other dies."""
    images: int = 1
    """In a unit."""
    broken_unit: int = -1

    def build(self, *, threads: int) -> MortalWorker:
        return MortalWorker(self, threads)


class MortalWorker(Worker[EncodeTask, EncodeResult]):
    def __init__(self, spec: MortalSpec, threads: int) -> None:
        self.spec = spec
        self.threads = threads
        self.poison_taken: Exception | None = None

    def run(self, task: EncodeTask) -> EncodeResult:
        if self.poison_taken is not None:
            raise self.poison_taken
        if task.number == self.spec.broken_unit:
            raise StorageError("Expected to write, got: No space left on device.")
        keys = [f"{task.number}/{index}" for index in task.indices or range(self.spec.images)]
        if task.give_up is None:
            for key in keys:
                if key in self.spec.poison:
                    self.swallow(self.spec.poison[key])
        count = len(keys)
        rows = pa.table(
            {"key": keys, "reason": [task.give_up or ""] * count, "threads": [self.threads] * count}
        )
        return EncodeResult(rows=rows, stages=Stages())

    def swallow(self, poison: Exception) -> None:
        if lost_device(poison):
            if not self.spec.killed.exists():
                self.spec.killed.touch()
                os._exit(9)
            self.poison_taken = poison
        raise poison


def finish(
    pool: Pool[EncodeTask, EncodeResult], numbers: Iterable[int], *, images: int = 1
) -> Iterator[FinishedUnit]:
    """Work through units of these numbers."""
    units = OpenUnits("r")
    tasks = [units.begin(Unit(number=number, images=images, source_bytes=0)) for number in numbers]
    for outcome in work_through(pool, tasks, units.split, give_up=units.give_up):
        if isinstance(outcome, Done) and (finished := units.take(outcome)) is not None:
            yield finished


FULL = "Tried to allocate 80 GiB"
ILLEGAL = RuntimeError(
    "CUDA error: an illegal memory access was encountered\nCompile with TORCH_USE_CUDA_DSA."
)


POISON = {"1/0": ILLEGAL, "2/0": MemoryError(FULL), "4/0": torch.OutOfMemoryError(FULL)}
HEALTHY_AND_POISONED, BROKEN = range(6), 6


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a worker that dies leaves."""
    return tmp_path_factory.mktemp("deaths") / "killed"


@pytest.fixture(scope="module")
def on_ray(ray_cluster: None, killed: Path) -> Iterator[RayPool[EncodeTask, EncodeResult]]:
    """A worker, which dies of some units and fails on another."""
    spec = MortalSpec(poison=POISON, killed=killed, broken_unit=BROKEN)
    with closing(RayPool[EncodeTask, EncodeResult](spec, WorkersConfig(count=1))) as pool:
        yield pool


@pytest.mark.ray
def test_images_that_kill_workers_are_found_and_the_rest_goes_on(
    on_ray: RayPool[EncodeTask, EncodeResult], killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One kills its worker, and takes the GPU of the next. How often each is tried is the matter of test_blame.py: a
    death here costs the start of a process."""
    monkeypatch.setattr(retry, "_DEATHS_ALONE", 1)
    done = {unit.unit.number: unit.rows.to_pylist() for unit in finish(on_ray, HEALTHY_AND_POISONED)}
    assert killed.exists()
    assert [(number, [row["key"] for row in rows]) for number, rows in sorted(done.items())] == [
        (number, [f"{number}/0"]) for number in HEALTHY_AND_POISONED
    ]
    reasons = {row["key"]: row["reason"] for rows in done.values() for row in rows if row["reason"]}
    assert reasons.keys() == POISON.keys()
    assert f"out of memory: {FULL}" in reasons["2/0"]
    assert f"out of memory: {FULL}" in reasons["4/0"]
    assert "lost its GPU: CUDA error: an illegal memory access" in reasons["1/0"]


@pytest.mark.ray
def test_an_error_of_the_store_ends_the_run_with_its_own_message(
    on_ray: RayPool[EncodeTask, EncodeResult],
) -> None:
    with pytest.raises(StorageError, match="No space left on device"):
        list(finish(on_ray, [0, 3, BROKEN]))


def test_without_ray_an_image_that_takes_all_memory_is_found_too() -> None:
    pool = LocalPool(MortalWorker(MortalSpec(poison={"1/1": MemoryError(FULL)}, images=2), 1))
    done = {unit.unit.number: unit.rows for unit in finish(pool, range(2), images=2)}
    given_up = [row for rows in done.values() for row in rows.to_pylist() if row["reason"]]
    assert [row["key"] for row in given_up] == ["1/1"]
    assert "out of memory: Tried to allocate 80 GiB" in given_up[0]["reason"]


def test_without_ray_a_lost_gpu_ends_the_run() -> None:
    pool = LocalPool(MortalWorker(MortalSpec(poison={"1/1": ILLEGAL}, images=2), 1))
    with pytest.raises(
        TenfoldError, match=r"got: CUDA error: an illegal memory access was encountered\. What is"
    ):
        list(finish(pool, range(2), images=2))
