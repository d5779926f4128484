"""The order of a stream, and how it is shared out: every image once, whatever the ranks, workers and interruptions."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.datasets.stream_order import StepPlan, StreamSeat, stream_order

FEW = settings(max_examples=40)
SHARDS = st.lists(st.integers(0, 6), max_size=60).map(lambda shards: np.array(shards, np.int64))


def given_by(plan: StepPlan, *, workers: int) -> list[list[range]]:
    """Of each rank, its batches as a loader gives them: its workers in turn."""
    ranks = []
    for rank in range(plan.world_size):
        seats = [
            StreamSeat(rank=rank, world_size=plan.world_size, worker=worker, workers=workers)
            for worker in range(workers)
        ]
        turns = itertools.zip_longest(*(plan.batches(seat) for seat in seats))
        ranks.append([batch for turn in turns for batch in turn if batch is not None])
    return ranks


@FEW
@given(SHARDS, st.integers(0, 99), st.integers(0, 3), st.integers(0, 70))
def test_an_order_holds_every_image_once(
    shards: npt.NDArray[np.int64], seed: int, epoch: int, shuffle: int
) -> None:
    order = stream_order(shards, seed=seed, epoch=epoch, shuffle_buffer=shuffle)
    assert sorted(order.tolist()) == list(range(len(shards)))
    again = stream_order(shards, seed=seed, epoch=epoch, shuffle_buffer=shuffle)
    assert order.tolist() == again.tolist()


@FEW
@given(st.integers(0, 200), st.integers(1, 9), st.integers(1, 4), st.integers(1, 7), st.data())
def test_every_image_comes_once_before_and_after_a_break(
    images: int, batch_size: int, world_size: int, workers: int, data: st.DataObject
) -> None:
    """Before with some ranks and workers, after with others, and batches of another size."""
    before = StepPlan(images=images, start=0, batch_size=batch_size, world_size=world_size, drops_last=False)
    ranks = given_by(before, workers=workers)
    assert [len(batches) for batches in ranks] == [before.count(rank) for rank in range(world_size)]
    steps = data.draw(st.integers(0, max(map(len, ranks))))
    behind = min(steps * before.step, images)
    seen = [place for batches in ranks for batch in batches[:steps] for place in batch]
    after = StepPlan(
        images=images,
        start=behind,
        batch_size=data.draw(st.integers(1, 9)),
        world_size=data.draw(st.integers(1, 4)),
        drops_last=False,
    )
    rest = given_by(after, workers=data.draw(st.integers(1, 7)))
    seen += [place for batches in rest for batch in batches for place in batch]
    assert sorted(seen) == list(range(images))


@FEW
@given(st.integers(0, 200), st.integers(1, 9), st.integers(1, 4), st.integers(1, 7))
def test_a_rank_gives_the_same_batches_whatever_its_workers(
    images: int, batch_size: int, world_size: int, workers: int
) -> None:
    plan = StepPlan(images=images, start=0, batch_size=batch_size, world_size=world_size, drops_last=False)
    assert given_by(plan, workers=workers) == given_by(plan, workers=1)


@FEW
@given(st.integers(0, 200), st.integers(1, 9), st.integers(1, 4))
def test_all_ranks_have_as_many_full_batches_where_the_last_are_dropped(
    images: int, batch_size: int, world_size: int
) -> None:
    plan = StepPlan(images=images, start=0, batch_size=batch_size, world_size=world_size, drops_last=True)
    full = images // (batch_size * world_size)
    for rank, batches in enumerate(given_by(plan, workers=1)):
        assert [len(batch) for batch in batches] == [batch_size] * full
        assert plan.count(rank) == full


def test_epochs_and_seeds_differ_and_none_changes_with_a_release() -> None:
    shards = np.repeat(np.arange(4), 3)
    orders = {
        (seed, epoch): stream_order(shards, seed=seed, epoch=epoch, shuffle_buffer=6).tolist()
        for seed, epoch in ((7, 0), (7, 1), (8, 0))
    }
    assert orders == {
        (7, 0): [11, 9, 2, 1, 0, 10, 8, 7, 6, 3, 4, 5],
        (7, 1): [9, 10, 3, 4, 11, 5, 7, 6, 2, 8, 1, 0],
        (8, 0): [1, 0, 7, 8, 2, 6, 11, 3, 9, 10, 5, 4],
    }


def test_images_that_come_together_lie_in_few_shards() -> None:
    shards = np.repeat(np.arange(50), 20)
    order = stream_order(shards, seed=0, epoch=0, shuffle_buffer=100)
    assert {len(set(shards[order[start : start + 100]])) for start in range(0, 1000, 100)} == {5}


@pytest.mark.parametrize("images", [0, 7])
def test_without_a_shuffle_they_come_as_they_lie(images: int) -> None:
    order = stream_order(np.zeros(images, np.int64), seed=3, epoch=1, shuffle_buffer=0)
    assert order.tolist() == list(range(images))
