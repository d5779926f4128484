"""Whether a run works in its own process or starts Ray."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from pipeline.config import WorkersConfig
from pipeline.workers.start import is_work_for_here
from pipeline.workers.workload import Workload


class Spec:
    does: ClassVar[str] = "idle"
    wants_gpu: ClassVar[bool] = True

    def build(self, *, threads: int) -> Any:
        raise AssertionError(threads)


SIX_PHOTOS = Workload.of_files(6, 3_500_000)


@pytest.mark.parametrize(
    ("workers", "workload", "is_here"),
    [
        ({}, SIX_PHOTOS, True),
        ({"ray_address": "local"}, SIX_PHOTOS, True),
        ({}, None, False),
        ({}, Workload.of_files(101, 3_500_000), False),
        ({}, Workload.of_files(6, 100_000_000), False),
        ({}, Workload.of_shards(500_000_000), True),
        ({}, Workload.of_shards(5_000_000_000), False),
        ({"count": 1}, SIX_PHOTOS, False),
        ({"ray_address": "10.0.0.1:6379"}, SIX_PHOTOS, False),
        ({"count": 0}, None, True),
        ({"count": 0, "ray_address": "10.0.0.1:6379"}, None, True),
    ],
)
def test_little_work_is_done_here_unless_told_otherwise(
    workers: dict[str, Any], workload: Workload | None, is_here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.workers.start._has_gpu", lambda: False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert is_work_for_here(Spec(), WorkersConfig(**workers), workload) is is_here


def test_a_gpu_or_a_cluster_of_the_environment_is_used_for_little_work_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.workers.start._has_gpu", lambda: True)
    assert not is_work_for_here(Spec(), WorkersConfig(), SIX_PHOTOS)
    monkeypatch.setattr("pipeline.workers.start._has_gpu", lambda: False)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert not is_work_for_here(Spec(), WorkersConfig(), SIX_PHOTOS)
