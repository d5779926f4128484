"""Images of an archive as a dataset of Ray Data: read tasks that fetch and decode, or fetch for actors that decode."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import ray.data
import torch
from ray.data.block import BlockAccessor, BlockMetadata
from ray.data.datasource import Datasource, ReadTask

from pipeline.datasets.archive_dataset import ArchiveDataset
from pipeline.datasets.image_source import ImageSource, Item, StoredItem
from pipeline.errors import ConfigError
from pipeline.parts import parts

_BLOCK_BYTES: Final = 64 * 2**20
"""Of decoded images, about."""
_STORED: Final = "stored"
_ACTOR_BATCH: Final = 64


def read_archive(
    images: str | ArchiveDataset,
    *,
    gpu_actors: int = 0,
    concurrency: int | None = None,
    override_num_blocks: int | None = None,
) -> ray.data.Dataset:
    """A dataset of Ray Data with columns `key` and `image`, uint8 of shape (H, W, 3), as `ray.data.read_images` gives.

    Args:
        images: an archive's URL for all its images, or a dataset that says which, and in which form.
        gpu_actors: how many actors decode, with a GPU each; 0 to decode on CPUs, in the tasks that read.
        concurrency: how many tasks read at the same time; None for as many as there are CPUs for.
        override_num_blocks: into how many tasks the reading is cut; None to leave that to Ray.
    Raises:
        ConfigError: the dataset has a transform, which is for PyTorch: use `map` of what this gives.
    """
    dataset = ArchiveDataset(images) if isinstance(images, str) else images
    source = dataset.source
    if source.transform is not None:
        raise ConfigError(
            "Expected a dataset without a transform for Ray Data, got one with. Leave it out, and use "
            "`read_archive(...).map(...)`."
        )
    source = replace(source, decodes=gpu_actors == 0)
    found = ray.data.read_datasource(
        ArchiveDatasource(source), concurrency=concurrency, override_num_blocks=override_num_blocks
    )
    if not gpu_actors:
        return found
    return found.map_batches(
        _Decoder,
        fn_constructor_args=(source.only(0, 0),),
        concurrency=gpu_actors,
        num_gpus=1,
        batch_size=_ACTOR_BATCH,
    )


class ArchiveDatasource(Datasource):  # type: ignore[misc]  # ray is not typed
    """Each task reads some images that follow each other in the dataset."""

    def __init__(self, source: ImageSource) -> None:
        """Take what gives the images."""
        super().__init__()
        self._source = source

    def get_name(self) -> str:
        """What Ray calls it."""
        return "Tenfold"

    def estimate_inmemory_data_size(self) -> int:
        """Bytes of all blocks, about."""
        return int(self._source.item_bytes().sum())

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: Any = None
    ) -> list[ReadTask]:
        """Cut the images into tasks, of as many images each."""
        item_bytes = self._source.item_bytes()
        tasks = min(parallelism, len(item_bytes))
        edges = [len(item_bytes) * number // tasks for number in range(tasks + 1)] if tasks else []
        return [
            ReadTask(
                partial(_blocks, self._source.only(first, last), item_bytes[first:last]),
                BlockMetadata(
                    num_rows=last - first,
                    size_bytes=int(item_bytes[first:last].sum()),
                    exec_stats=None,
                    input_files=None,
                ),
                per_task_row_limit=per_task_row_limit,
            )
            for first, last in pairwise(edges)
        ]


def _blocks(source: ImageSource, item_bytes: npt.NDArray[np.int64]) -> Iterator[Any]:
    """Blocks of `_BLOCK_BYTES`, about."""
    sizes = item_bytes.tolist()
    for numbers in parts(range(len(sizes)), sizes.__getitem__, most=_BLOCK_BYTES):
        items = source.items(numbers)
        if items:
            yield BlockAccessor.batch_to_block(_columns(items) if source.decodes else _pickled(items))


def _pickled(items: Sequence[StoredItem]) -> dict[str, Any]:
    """Items on their way to actors."""
    return {_STORED: np.array([pickle.dumps(item) for item in items], object)}


def _columns(items: Sequence[Item]) -> dict[str, Any]:
    """Items side by side, pixels as (H, W, 3); nothing where there are none."""
    names = items[0] if items else ()
    return {name: _column([item[name] for item in items], is_image=name == "image") for name in names}


def _column(values: list[Any], *, is_image: bool) -> Any:
    if not isinstance(values[0], torch.Tensor):
        return values
    arrays = [(value.permute(1, 2, 0) if is_image else value).numpy() for value in values]
    if len({array.shape for array in arrays}) == 1:
        return np.stack(arrays)
    column = np.empty(len(arrays), object)
    for number, array in enumerate(arrays):
        column[number] = array
    return column


class _Decoder:
    """An actor's work."""

    def __init__(self, source: ImageSource) -> None:
        """Load nothing yet."""
        self._source = source

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Decode items that were only read."""
        return _columns(self._source.decode([pickle.loads(one) for one in batch[_STORED]], device="auto"))
