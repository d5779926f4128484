"""Batches of an archive in a shuffled order that is shared out, and can be gone on with from any image.

stream = ArchiveStream("s3://bucket/archive", batch_size=64, seed=7)
for batch in DataLoader(stream, batch_size=None, num_workers=4):
    ...  # {"key": [...], "image": uint8 of shape (64, 3, H, W)}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import torch
from torch import distributed
from torch.utils.data import IterableDataset, default_collate, get_worker_info

from pipeline.datasets.archive_dataset import ArchiveDataset
from pipeline.datasets.stream_order import StepPlan, StreamSeat, stream_order
from pipeline.errors import ArchiveError, ConfigError

_STATE: Final = ("seed", "shuffle_buffer", "images", "epoch", "start", "given", "workers", "version")
"""What a state says."""


class ArchiveStream(IterableDataset[Any]):
    """All images once an epoch, in batches: for a loader with `batch_size=None`.

    The order follows from the images, the seed and the epoch alone. Ranks, and the workers of a rank, share it out:
    every image comes once, the batches of a rank in the same order whatever the number of its workers.

    `state_dict` says how far an epoch is, and a stream that has loaded it goes on there: with as many ranks and workers
    as it likes, and batches of another size if it likes.
    """

    def __init__(
        self,
        images: str | ArchiveDataset,
        *,
        batch_size: int,
        seed: int = 0,
        epoch: int = 0,
        shuffle_buffer: int = 10_000,
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = False,
        collate: Callable[[list[Any]], Any] | None = None,
    ) -> None:
        """Take the images; nothing is read yet.

        Args:
            images: an archive's URL for all its images, or a dataset that says which, and what is made of them.
            batch_size: images of a batch of one rank.
            seed: at least 0.
            epoch: at least 0; `set_epoch` begins another one.
            shuffle_buffer: shards come in a random order, and of this order so many images at a time are shuffled; 0
                for the images as they lie, which is the order of their keys.
            rank: which of the processes that train together this is; None for what torch.distributed says, or the only
                one.
            world_size: how many those are.
            drop_last: whether to leave out the last images of an epoch where they do not fill a batch for every rank:
                else ranks may differ by a batch at the end.
            collate: makes a batch of a list of items; None for PyTorch's own, which stacks images of one size. Of items
                that are only read it makes a list.
        Raises:
            ConfigError: a number that cannot be; and for a URL, as `ArchiveDataset`.
        """
        if batch_size < 1 or min(seed, epoch, shuffle_buffer) < 0:
            raise ConfigError(
                f"Expected at least 1 image a batch, and seed, epoch and shuffle_buffer of at least 0, got "
                f"batch_size={batch_size}, seed={seed}, epoch={epoch}, shuffle_buffer={shuffle_buffer}."
            )
        self.dataset = ArchiveDataset(images) if isinstance(images, str) else images
        self._batch_size, self._seed, self._shuffle_buffer = batch_size, seed, shuffle_buffer
        self._rank, self._world_size = _rank_of(rank, world_size)
        self._drop_last = drop_last
        self._collate = collate or (default_collate if self.dataset.source.decodes else list)
        self._place = torch.tensor([epoch, 0]).share_memory_()  # type: ignore[no-untyped-call]
        """Epoch, and images of it that are behind: one memory with all workers, also those that stay."""
        self._given: int | None = None
        """Batches that this process has given of the pass under way; None when it has given none of any."""
        self._skip = 0
        """Batches that this worker had given of the pass that it is to go on with."""

    def __len__(self) -> int:
        """Batches of this rank in the pass that begins next."""
        return self._plan().count(self._rank)

    def __iter__(self) -> Iterator[Any]:
        seat = self._seat()
        skip, self._skip = self._skip, 0
        self._given = skip
        return self._batches(seat, skip)

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch. The one that is under way, as after `load_state_dict`, is gone on with.

        Raises:
            ConfigError: its number is below 0.
        """
        if epoch < 0:
            raise ConfigError(f"Expected an epoch of at least 0, got {epoch}.")
        if epoch != int(self._place[0]):
            self._place[:] = torch.tensor([epoch, 0])
            self._given = None

    def state_dict(self, batches: int | None = None) -> dict[str, Any]:
        """How far the pass under way is, as plain numbers and texts.

        Args:
            batches: how many of it a loader has given, whose workers count for themselves. Needless without workers,
                and with a loader that asks its workers, as torchdata's `StatefulDataLoader` does.
        Raises:
            ConfigError: it is needed, or below 0.
        """
        if batches is not None and batches < 0:
            raise ConfigError(f"Expected state_dict(batches=N) with N of at least 0, got {batches}.")
        given = self._given if batches is None else batches
        if given is None:
            raise ConfigError(
                "Expected state_dict(batches=N) with the number of batches that the loader has given since this pass "
                "began, got none: its workers gave them, and this process does not know how many."
            )
        seat, (epoch, start) = self._seat(), self._place.tolist()
        if seat.workers == 1:
            start, given = min(start + given * self._plan().step, len(self.dataset)), 0
        return self._identity() | {
            "epoch": epoch,
            "start": start,
            "given": given,
            "workers": seat.workers,
            "version": self.dataset.version,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a stream was.

        Args:
            state: of `state_dict`, of a stream of the same images, seed and shuffle buffer.
        Raises:
            ConfigError: it is no such state; or the images are not the same, or come in another order.
        """
        missing = [name for name in _STATE if name not in state]
        if missing:
            raise ConfigError(
                f"Expected what state_dict of a stream gave, got a state without {', '.join(missing)}."
            )
        for name, mine in self._identity().items():
            if state[name] != mine:
                raise ConfigError(
                    f"Expected the state of a stream with {name} {mine}, got one with {state[name]}: its images are "
                    "not these, or not in this order. Say the same seed and shuffle_buffer, and open the archive "
                    f"as_of={state['version']}, as it was then."
                )
        if state["given"] and state["workers"] != self._seat().workers:
            raise ConfigError(
                f"Expected the state of a stream whose loader has {self._seat().workers} workers, got one of "
                f"{state['workers']}: what a worker says of itself is of use to a worker in its place alone."
            )
        self._place[:] = torch.tensor([state["epoch"], state["start"]])
        self._given, self._skip = None, state["given"]

    def _batches(self, seat: StreamSeat, skip: int) -> Iterator[Any]:
        source, (epoch, _) = self.dataset.source, self._place.tolist()
        order = stream_order(
            source.rows.shards, seed=self._seed, epoch=epoch, shuffle_buffer=self._shuffle_buffer
        )
        for places in islice(self._plan().batches(seat), skip, None):
            items = source.items(order[places.start : places.stop].tolist())
            if not items:
                raise ArchiveError(
                    f"Expected to skip some of {len(places)} images, got none of them; see the log."
                )
            self._given = (self._given or 0) + 1
            yield self._collate(items)

    def _plan(self) -> StepPlan:
        return StepPlan(
            images=len(self.dataset),
            start=int(self._place[1]),
            batch_size=self._batch_size,
            world_size=self._world_size,
            drops_last=self._drop_last,
        )

    def _seat(self) -> StreamSeat:
        """Of this process."""
        worker = get_worker_info()
        mine = (0, 1) if worker is None else (worker.id, worker.num_workers)
        return StreamSeat(rank=self._rank, world_size=self._world_size, worker=mine[0], workers=mine[1])

    def _identity(self) -> dict[str, Any]:
        """What the order follows from, and the version of the archive, which says how to get it again."""
        return {
            "seed": self._seed,
            "shuffle_buffer": self._shuffle_buffer,
            "images": self.dataset.source.rows.fingerprint,
        }


def _rank_of(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Rank and number of ranks.

    Raises:
        ConfigError: there is no such rank.
    """
    if rank is None and world_size is None and distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    found = (rank or 0, world_size or 1)
    if not 0 <= found[0] < found[1]:
        raise ConfigError(
            f"Expected a rank from 0 to {found[1] - 1} and its world_size, got rank {found[0]}."
        )
    return found
