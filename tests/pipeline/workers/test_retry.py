"""Bisecting a task that kills workers, without Ray: the pool here dies by rule."""

from __future__ import annotations

import random

import pytest

from pipeline.errors import TenfoldError
from pipeline.workers.pool import Died
from pipeline.workers.retry import RetryPolicy, halves

Task = tuple[int, ...]


def _run(
    items: range, poison: set[int], *, node_losses: int = 0, seed: int = 0
) -> tuple[list[int], list[int], int]:
    """(done, given up, deaths) of one task over `items` in a world where touching poison kills the worker."""
    retry: RetryPolicy[Task] = RetryPolicy(halves)
    waiting: list[Task] = [tuple(items)]
    done: list[int] = []
    given_up: list[int] = []
    deaths = 0
    chance = random.Random(seed)
    while waiting:
        task = waiting.pop(chance.randrange(len(waiting)))
        lost = node_losses > 0
        node_losses -= 1
        if lost or poison & set(task):
            deaths += 1
            instead = retry.after(Died(task=task, reason="boom", blame="node" if lost else "task"))
            waiting.extend(instead)
            given_up.extend(() if instead else task)
        else:
            retry.succeeded()
            done.extend(task)
    return sorted(done), sorted(given_up), deaths


@pytest.mark.parametrize("poison", [set(), {0}, {99}, {41}, {3, 4, 77}, {0, 1, 2, 3}], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_only_the_poison_is_given_up(poison: set[int], seed: int) -> None:
    done, given_up, deaths = _run(range(100), poison, seed=seed)
    assert given_up == sorted(poison)
    assert done == [n for n in range(100) if n not in poison]
    assert deaths <= 12 * max(len(poison), 1)


def test_a_lost_node_is_nobodys_fault() -> None:
    done, given_up, deaths = _run(range(10), set(), node_losses=9)
    assert (done, given_up, deaths) == (list(range(10)), [], 9)


def test_workers_that_never_live_end_the_run() -> None:
    retry: RetryPolicy[Task] = RetryPolicy(halves)
    death: Died[Task] = Died(task=(1, 2), reason="no memory", blame="node")
    for _ in range(50):
        assert retry.after(death) == [(1, 2)]
    with pytest.raises(TenfoldError, match="51 deaths in a row, the last one: no memory"):
        retry.after(death)


@pytest.mark.parametrize("count", range(6))
def test_halves_cover_everything(count: int) -> None:
    parts = halves(range(count))
    assert [n for part in parts for n in part] == (list(range(count)) if count > 1 else [])
