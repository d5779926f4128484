"""How many workers a cluster has room for: every GPU is used, and what cannot be had is said."""

from __future__ import annotations

import pytest

from pipeline.config import WorkersConfig
from pipeline.errors import ConfigError
from pipeline.workers.placement import Placement, place

LAPTOP = {"CPU": 8.0}
SMALL_GPU = {"CPU": 2.0, "GPU": 1.0}
LARGE_GPU = {"CPU": 64.0, "GPU": 8.0}
HEAD = {"CPU": 0.0}


@pytest.mark.parametrize(
    ("nodes", "config", "wants_gpu", "expected"),
    [
        ([LAPTOP], {}, True, (8, 1, 0)),
        ([LAPTOP, LAPTOP, HEAD], {"cpus": 3}, True, (4, 3, 0)),
        ([LAPTOP], {"count": 2}, True, (2, 1, 0)),
        ([LARGE_GPU], {}, True, (8, 4, 1)),
        ([LARGE_GPU], {}, False, (64, 1, 0)),
        ([LARGE_GPU], {"gpus": 0.1}, True, (80, 0.8, 0.1)),
        ([LARGE_GPU, LAPTOP, HEAD], {"gpus": 0.5, "cpus_with_gpu": 3}, True, (16, 3, 0.5)),
        ([LARGE_GPU, LARGE_GPU], {"gpus": 2}, True, (8, 4, 2)),
        ([SMALL_GPU], {}, True, (1, 2, 1)),
        ([SMALL_GPU], {"gpus": 0.5, "cpus_with_gpu": 8}, True, (2, 1, 0.5)),
        ([{"CPU": 11.0, "GPU": 2.0}], {"cpus_with_gpu": 8}, True, (2, 5, 1)),
        ([{"CPU": 1.0, "GPU": 3.0}], {}, True, (3, 0.33, 1)),
    ],
)
def test_every_gpu_is_used(
    nodes: list[dict[str, float]],
    config: dict[str, float],
    wants_gpu: bool,
    expected: tuple[int, float, float],
) -> None:
    count, cpus, gpus = expected
    placed = place(nodes, WorkersConfig.model_validate(config), wants_gpu=wants_gpu)
    assert placed == Placement(count=count, cpus=cpus, gpus=gpus)
    assert placed.threads == max(1, int(cpus))


@pytest.mark.parametrize(
    ("nodes", "config", "words"),
    [
        ([LAPTOP], {"count": 9}, r"room for 9 workers of 1 CPU each, got room for 8 \(8 CPUs on 1 nodes\)"),
        ([LAPTOP] * 2, {"cpus": 9}, r"room for 1 workers of 9 CPU each, got room for 0 .* workers\.cpus"),
        (
            [SMALL_GPU],
            {"count": 2},
            r"of 1 GPU and 2 CPU each, got room for 1 \(1 GPUs, 2 CPUs .* workers\.gpus",
        ),
        ([SMALL_GPU], {"gpus": 2}, r"room for 1 workers of 2 GPU and 2 CPU each, got room for 0"),
    ],
)
def test_what_there_is_no_room_for_is_said(
    nodes: list[dict[str, float]], config: dict[str, float], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        place(nodes, WorkersConfig.model_validate(config), wants_gpu=True)
