"""Whatever dies when, only an image that kills its worker whenever it is alone is given up. Ray is played."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import pytest

from pipeline.config import WorkersConfig
from pipeline.errors import TenfoldError
from pipeline.workers import ray_pool, ray_seat, retry
from pipeline.workers.pool import Died, Done
from pipeline.workers.ray_pool import RayPool
from pipeline.workers.retry import halves, work_through
from tests.support.fake_ray import FakeActor, FakeRay, Task, failed_to_start


class Spec:
    """Of workers that are played."""

    does: ClassVar[str] = "idle"
    wants_gpu: ClassVar[bool] = False

    def build(self, *, threads: int) -> None:
        """Nobody."""


class Session:
    """Of a Ray that answers."""

    lifeline = SimpleNamespace(check=lambda: None)

    def __init__(self, config: WorkersConfig) -> None:
        self.config = config

    def close(self, actors: list[FakeActor]) -> None:
        """Nothing is there to leave."""


def pool_in(world: FakeRay, actors: list[FakeActor], patch: pytest.MonkeyPatch) -> RayPool[Task, Task]:
    """A pool that takes the world for Ray."""
    for module in (ray_pool, ray_seat):
        patch.setattr(module, "ray", world)
        patch.setattr(module, "time", world)
    patch.setattr(ray_pool, "RaySession", Session)
    patch.setattr(ray_pool, "start_actors", lambda *_: [actor.seat() for actor in actors])
    return RayPool(Spec(), WorkersConfig())


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_only_what_kills_alone_is_given_up(workers: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ("kills", "loses its GPU", "fills memory", "loses its GPU", "kills")
    poison = {key: kinds[key % 5] for key in (3, 4, *range(15, 60, 4))}
    world = FakeRay(seed, poison)
    actors = [FakeActor(world) for _ in range(workers)]
    pool = pool_in(world, actors, monkeypatch)
    monkeypatch.setattr(retry, "_DEATHS_ALONE", 1)  # each death that is counted must be a proof
    for second in range(1, 2000, 2):
        world.at(second, world.chance.choice(actors).die_idle)
    for second in range(5, 2000, 7):
        world.at(second, world.chance.choice(actors).lose_node)
    tasks = [tuple(range(12)), *((key,) for key in range(12, 60))]
    done: list[int] = []
    given_up: dict[int, str] = {}
    for outcome in work_through(pool, tasks, halves):
        if isinstance(outcome, Done):
            done += outcome.result
        elif isinstance(outcome, Died):
            given_up |= dict.fromkeys(outcome.task, outcome.reason)
    assert given_up.keys() == poison.keys()
    assert sorted(done) == [key for key in range(60) if key not in poison]
    assert "restarting" not in " ".join(given_up.values())


def test_workers_that_do_not_come_back_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    world = FakeRay(0, {3: "kills", 9: "kills"}, comes_back=False)
    pool = pool_in(world, [FakeActor(world) for _ in range(2)], monkeypatch)
    given_up = []

    def give_up(death: Died[Task]) -> list[Task]:
        given_up.append(death)
        return []

    with pytest.raises(
        TenfoldError, match=r"got none of 2 for 9\d\d s \(one of them: .*\)\. What is finished"
    ):
        list(work_through(pool, [(0,), (3,), (9,), (4,)], halves, give_up=give_up))
    assert not given_up, "no image is to blame"


def test_a_lost_worker_leaves_the_work_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    world = FakeRay(0, {}, comes_back=False)
    actors = [FakeActor(world) for _ in range(2)]
    pool = pool_in(world, actors, monkeypatch)
    world.at(2, actors[0].die)
    outcomes = list(work_through(pool, [(key,) for key in range(20)], halves))
    done = [outcome.task for outcome in outcomes if isinstance(outcome, Done)]
    assert sorted(done) == [(key,) for key in range(20)]


def test_a_worker_that_cannot_be_built_again_ends_the_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = FakeRay(0, {3: "kills"}, comes_back=False)
    actor = FakeActor(world)
    pool = pool_in(world, [actor], monkeypatch)
    monkeypatch.setattr("tests.support.fake_ray._unavailable", lambda _words: failed_to_start())
    with pytest.raises(TenfoldError, match=r"got none of 1 for \d s \(one of them: .*no such weights"):
        list(work_through(pool, [(3,), (4,)], halves))
