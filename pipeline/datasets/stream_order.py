"""In which order a stream gives its images, and which of them a process gives: pure functions of numbers.

All processes know the order of all images. A step takes the next `world_size * batch_size` of them, a batch for each
rank, and the workers of a rank take turns at its steps. So one number, how many images are behind, says where a stream
is, whatever the number of ranks, workers or images in a batch, before or after.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


def stream_order(shards: Numbers, *, seed: int, epoch: int, shuffle_buffer: int) -> Numbers:
    """The numbers of images in the order in which an epoch gives them, each once.

    Shards come in a random order, the images of each as they lie, and of this order each run of `shuffle_buffer` images
    is shuffled: what is read at about the same time lies in few shards.

    Args:
        shards: of each image, the number of its shard.
        seed: at least 0.
        epoch: at least 0; with another one everything is shuffled anew.
        shuffle_buffer: in images; 0 for all images as they lie.
    """
    if not shuffle_buffer:
        return np.arange(len(shards))
    chance = np.random.PCG64(np.random.SeedSequence((seed, epoch)))  # its raw numbers never change
    num_shards = int(shards.max(initial=-1)) + 1
    rank_of_shard = np.argsort(np.argsort(chance.random_raw(num_shards), kind="stable"))
    by_shard = np.argsort(rank_of_shard[shards], kind="stable")
    run = np.arange(len(shards)) // shuffle_buffer
    order: Numbers = by_shard[np.lexsort((chance.random_raw(len(shards)), run))]
    return order


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSeat:
    """One of the processes that share a stream."""

    rank: int
    world_size: int
    worker: int = 0
    workers: int = 1
    """Of its rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """How images are cut into steps, from a place in the order on."""

    images: int
    """In the whole order."""
    start: int
    """How many of them are behind."""
    batch_size: int
    world_size: int
    drops_last: bool
    """Whether a last step with fewer images is left out, so that all ranks have as many batches."""

    @property
    def step(self) -> int:
        """Images of a full step, all ranks together."""
        return self.batch_size * self.world_size

    def batches(self, seat: StreamSeat) -> Iterator[range]:
        """What a process gives: places in the order, a batch at a time.

        The images of a last step that is not full are shared out evenly.
        """
        for number in range(seat.worker, self._steps(), seat.workers):
            batch = self._batch(number, seat.rank)
            if batch:
                yield batch

    def count(self, rank: int) -> int:
        """How many batches all workers of a rank give."""
        steps = self._steps()
        return steps if steps and self._batch(steps - 1, rank) else max(0, steps - 1)

    def _steps(self) -> int:
        left = self.images - self.start
        return left // self.step if self.drops_last else -(-left // self.step)

    def _batch(self, number: int, rank: int) -> range:
        first = self.start + number * self.step
        size = min(self.step, self.images - first)
        return range(first + size * rank // self.world_size, first + size * (rank + 1) // self.world_size)
