"""Ray actors that die: the run goes on, and only the image that kills them is given up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pytest
import torch

from pipeline.archive.stored_plan import Unit
from pipeline.compress.open_units import FinishedUnit, OpenUnits
from pipeline.config import WorkersConfig
from pipeline.encode.tasks import EncodeResult, EncodeTask, Stages
from pipeline.errors import StorageError, TenfoldError
from pipeline.workers.pool import Done, LocalPool, Pool, Worker, lost_device
from pipeline.workers.ray_pool import RayPool
from pipeline.workers.retry import work_through

on_ray = pytest.mark.usefixtures("ray_cluster")


@dataclass(frozen=True)
class MortalSpec:
    """Workers that die on some images, and fail on a whole unit."""

    wants_gpu: ClassVar[bool] = False

    poison: frozenset[int]
    broken_unit: int = -1
    images: int = 8
    raises: Exception | None = None
    """What poison does instead of killing."""

    def build(self, *, threads: int) -> MortalWorker:
        return MortalWorker(self, threads)


class MortalWorker(Worker[EncodeTask, EncodeResult]):
    def __init__(self, spec: MortalSpec, threads: int) -> None:
        self.spec = spec
        self.threads = threads
        self.lost: Exception | None = None

    def run(self, task: EncodeTask) -> EncodeResult:
        if self.lost is not None:
            raise self.lost
        images = task.indices or tuple(range(self.spec.images))
        if task.number == self.spec.broken_unit:
            raise StorageError("Expected to write, got: No space left on device.")
        if task.give_up is None and task.number == 1 and self.spec.poison & set(images):
            if self.spec.raises is not None:
                self.lost = self.spec.raises if lost_device(self.spec.raises) else None
                raise self.spec.raises
            os._exit(9)
        rows = pa.table(
            {
                "key": [f"{task.number}/{n}" for n in images],
                "reason": [task.give_up or ""] * len(images),
                "threads": [self.threads] * len(images),
            }
        )
        return EncodeResult(rows=rows, stages=Stages())


def finish(pool: Pool[EncodeTask, EncodeResult], count: int) -> Iterator[FinishedUnit]:
    """Work through so many units of eight images."""
    units = OpenUnits("r")
    tasks = [units.begin(Unit(number=number, images=8, source_bytes=0)) for number in range(count)]
    for outcome in work_through(pool, tasks, units.split, give_up=units.give_up):
        if isinstance(outcome, Done) and (finished := units.take(outcome)) is not None:
            yield finished


FULL = "Tried to allocate 80 GiB"
ILLEGAL = RuntimeError(
    "CUDA error: an illegal memory access was encountered\nCompile with TORCH_USE_CUDA_DSA."
)


@on_ray
@pytest.mark.parametrize(
    "raises", [None, MemoryError(FULL), torch.OutOfMemoryError(FULL), ILLEGAL], ids=lambda e: type(e).__name__
)
def test_an_image_that_kills_workers_is_found_and_the_rest_goes_on(raises: Exception | None) -> None:
    spec = MortalSpec(poison=frozenset({5}), raises=raises)
    pool: RayPool[EncodeTask, EncodeResult] = RayPool(spec, WorkersConfig(count=2))
    try:
        done = {unit.unit.number: unit.rows for unit in finish(pool, 4)}
    finally:
        pool.close()
    assert sorted(done) == [0, 1, 2, 3]
    for number, rows in done.items():
        assert sorted(rows["key"].to_pylist()) == [f"{number}/{n}" for n in range(8)]
        given_up = {row["key"] for row in rows.to_pylist() if row["reason"]}
        assert given_up == ({"1/5"} if number == 1 else set())


def test_without_ray_an_image_that_takes_all_memory_is_found_too() -> None:
    pool = LocalPool(MortalWorker(MortalSpec(poison=frozenset({5}), raises=MemoryError(FULL)), 1))
    done = {unit.unit.number: unit.rows for unit in finish(pool, 2)}
    given_up = [row for rows in done.values() for row in rows.to_pylist() if row["reason"]]
    assert [row["key"] for row in given_up] == ["1/5"]
    assert "out of memory: Tried to allocate 80 GiB" in given_up[0]["reason"]


def test_without_ray_a_lost_gpu_ends_the_run() -> None:
    pool = LocalPool(MortalWorker(MortalSpec(poison=frozenset({5}), raises=ILLEGAL), 1))
    with pytest.raises(
        TenfoldError, match=r"got: CUDA error: an illegal memory access was encountered\. What is"
    ):
        list(finish(pool, 2))


@on_ray
def test_an_error_of_the_store_ends_the_run_with_its_own_message() -> None:
    pool: RayPool[EncodeTask, EncodeResult] = RayPool(
        MortalSpec(poison=frozenset(), broken_unit=2), WorkersConfig(count=2)
    )
    try:
        with pytest.raises(StorageError, match="No space left on device"):
            list(finish(pool, 3))
    finally:
        pool.close()
