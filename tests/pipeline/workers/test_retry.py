"""The loop that keeps a pool busy, and how it bisects a task that kills workers; without Ray, deaths come by rule."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from pipeline.errors import TenfoldError
from pipeline.events import Event, Heartbeat, TasksUnderWay
from pipeline.workers.local_pool import LocalPool
from pipeline.workers.pool import Died, Done, Worker
from pipeline.workers.retry import RetryPolicy, halves, work_through

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
        node_goes = node_losses > 0
        node_losses -= 1
        if node_goes or poison & set(task):
            deaths += 1
            instead = retry.after(Died(task=task, reason="boom", blame="node" if node_goes else "task"))
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


class Mortal(Worker[Task, Task]):
    """Gives its task back, unless 3 is in it."""

    def run(self, task: Task) -> Task:
        if 3 in task:
            raise MemoryError("full")
        return task


def test_the_loop_takes_tasks_as_they_come_and_gives_up_the_poison() -> None:
    heard: list[Event] = []
    asked = 0

    def tasks() -> Iterator[Task | None]:
        nonlocal asked
        for task in (None, (0, 1), None, (2, 3, 4), (5,)):
            asked += 1
            yield task

    outcomes = list(
        work_through(LocalPool(Mortal()), tasks(), halves, give_up=lambda _: [(-3,)], listen=heard.append)
    )
    done = [item for outcome in outcomes if isinstance(outcome, Done) for item in outcome.result]
    assert sorted(done) == [-3, 0, 1, 2, 4, 5]
    assert asked == 5
    assert not [outcome for outcome in outcomes if isinstance(outcome, Died)], (
        "something else was done instead"
    )
    assert outcomes[0] is None, "whoever drives the loop is asked while no task is there yet"
    assert sum(isinstance(event, Heartbeat) for event in heard) == len(outcomes)
    under_way = [event.tasks for event in heard if isinstance(event, TasksUnderWay)]
    assert set(under_way) == {0, 1}
    assert under_way[-1] == 0


def test_a_task_that_is_given_up_is_told() -> None:
    outcomes = list(work_through(LocalPool(Mortal()), [(2, 3)], halves))
    (death,) = (outcome for outcome in outcomes if isinstance(outcome, Died))
    assert (death.task, death.reason) == ((3,), "out of memory: full")


def test_a_worker_without_threads_has_nothing_to_close() -> None:
    LocalPool(Mortal()).close()
