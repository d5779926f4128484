"""`read_archive`: an archive as a dataset of Ray Data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ray import cloudpickle

from pipeline.datasets.archive_dataset import ArchiveDataset
from pipeline.errors import ConfigError
from tests.support.image_archives import fill, kept
from tests.support.image_files import file_of, picture


@pytest.fixture
def url(tmp_path: Path) -> str:
    return fill(
        str(tmp_path), [kept(f"{n}.png", file_of(picture(size=(4 + n % 2, 3), seed=n))) for n in range(7)]
    )


def rows_of(tasks: list[Any]) -> Iterator[Any]:
    """As a worker of Ray gives them to a program."""
    from ray.data.block import BlockAccessor

    return (
        row for task in tasks for block in task() for row in BlockAccessor.for_block(block).iter_rows(True)
    )


def test_tasks_give_every_image_once(url: str) -> None:
    from pipeline.datasets.ray_source import ArchiveDatasource  # Ray Data: seconds, and few use it

    source = ArchiveDatasource(ArchiveDataset(url, columns=["status"]).source)
    tasks = source.get_read_tasks(3)
    assert sum(task.metadata.num_rows for task in tasks) == 7
    assert sum(task.metadata.size_bytes for task in tasks) == source.estimate_inmemory_data_size()
    blocks = [block for task in tasks for block in task()]
    assert [key for block in blocks for key in block["key"].to_pylist()] == [f"{n}.png" for n in range(7)]
    assert {status for block in blocks for status in block["status"].to_pylist()} == {"kept"}
    assert len(ArchiveDatasource(ArchiveDataset(url).source).get_read_tasks(50)) == 7
    for n, row in enumerate(rows_of(cloudpickle.loads(cloudpickle.dumps(tasks)))):
        assert np.array_equal(row["image"], np.asarray(picture(size=(4 + n % 2, 3), seed=n)))
    limited = source.get_read_tasks(1, per_task_row_limit=2)
    assert sum(block.num_rows for block in limited[0]()) == 2


def test_a_transform_is_for_pytorch(url: str) -> None:
    from pipeline.datasets.ray_source import read_archive

    with pytest.raises(ConfigError, match="Expected a dataset without a transform"):
        read_archive(ArchiveDataset(url, transform=lambda item: item))
