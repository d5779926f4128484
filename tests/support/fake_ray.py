"""Ray as `RayPool` sees it, in time that passes by rule: processes that die, linger, and take minutes to come back."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ray.exceptions import ActorDiedError, ActorUnavailableError, RayActorError, RayTaskError

from pipeline.workers.ray_seat import Seat

Task = tuple[int, ...]
ILLEGAL = "CUDA error: an illegal memory access was encountered"


@dataclass(eq=False)
class Ref:
    """What a call will come to."""

    outcome: Any = None
    is_there: bool = False

    def come_to(self, outcome: Any) -> None:
        """What comes first stands."""
        if not self.is_there:
            self.outcome, self.is_there = outcome, True


@dataclass(eq=False)
class Process:
    """One life of an actor."""

    name: str
    is_alive: bool = True
    is_sick: bool = False
    runs: int = 0
    """Tasks it works on."""
    calls: list[Ref] = field(default_factory=list)


class Call:
    """A method of an actor."""

    def __init__(self, remote: Callable[..., Ref]) -> None:
        self.remote = remote

    def options(self, *, name: str) -> Call:
        """As an actor's method; `name` is what a dashboard shows."""
        return self


class FakeRay:
    """A world with its own clock. Poison kills the process, loses its GPU, or fills its memory, by its key."""

    def __init__(self, seed: int, poison: dict[int, str], *, comes_back: bool = True) -> None:
        self.chance = random.Random(seed)
        self.poison = poison
        self.comes_back = comes_back
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, delay: float, do: Callable[[], None]) -> None:
        """Let something happen."""
        heapq.heappush(self._events, (self.now + delay, next(self._order), do))

    def monotonic(self) -> float:
        """As `time` has it."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._pass(seconds, until=lambda: False)

    def wait(self, refs: Sequence[Ref], *, num_returns: int, timeout: float) -> tuple[list[Ref], list[Ref]]:
        """As `ray.wait`."""
        self._pass(timeout, until=lambda: any(ref.is_there for ref in refs))
        ready = [ref for ref in refs if ref.is_there][:num_returns]
        return ready, [ref for ref in refs if ref not in ready]

    def get(self, ref: Ref) -> Any:
        """As `ray.get`."""
        assert ref.is_there
        if isinstance(ref.outcome, Exception):
            raise ref.outcome
        return ref.outcome

    def kill(self, actor: FakeActor, *, no_restart: bool) -> None:
        """As `ray.kill`: takes a moment, in which the process still answers."""
        self.at(self.chance.uniform(0, 0.4), actor.die)

    def _pass(self, seconds: float, *, until: Callable[[], bool]) -> None:
        end = self.now + seconds
        while not until():
            if not self._events or self._events[0][0] > end:
                self.now = end
                return
            self.now, _, do = heapq.heappop(self._events)
            do()


class FakeActor:
    """An actor whose processes die and come back."""

    def __init__(self, world: FakeRay) -> None:
        self.world = world
        self._lives = itertools.count()
        self._is_known_dead = False
        self.now = self._born()
        self.run = Call(self._run)
        self.process = Call(lambda: self._call(lambda process, ref: ref.come_to(process.name)))

    def seat(self) -> Seat:
        """Where the pool sees it."""
        return Seat(actor=self, name="1", process=self.now.name)

    def die_idle(self) -> None:
        """Die of something that has to do with no image, unless at work."""
        if not self.now.runs:
            self.die()

    def lose_node(self) -> None:
        """Die with the node, which says so."""
        self.die(RayActorError(preempted=True))

    def die(self, word: RayActorError | None = None) -> None:
        """The process is dead; Ray learns of it later, and starts another, or fails to."""
        dead = self.now
        if not dead.is_alive:
            return
        dead.is_alive = False
        for ref in dead.calls:
            ref.come_to(word or _unavailable("RpcError: Socket closed"))
        wait = self.world.chance.choice((0.1, 1.5, 12.0, 100.0))
        self.world.at(min(wait, self.world.chance.uniform(0, 3)), self._learn)
        self.world.at(wait, self._come_back)

    def _learn(self) -> None:
        self._is_known_dead = True

    def _come_back(self) -> None:
        if self.world.comes_back:
            self.now, self._is_known_dead = self._born(), False

    def _born(self) -> Process:
        return Process(name=f"{id(self)}/{next(self._lives)}")

    def _call(self, do: Callable[[Process, Ref], None], seconds: float = 0.01) -> Ref:
        ref, process = Ref(), self.now
        if process.is_alive:
            process.calls.append(ref)
            self.world.at(seconds, lambda: do(process, ref) if process.is_alive else None)
        else:
            words = "The actor is restarting." if self._is_known_dead else "RpcError: Socket closed"
            self.world.at(seconds, lambda: ref.come_to(_unavailable(words)))
        return ref

    def _run(self, task: Task) -> Ref:
        self.now.runs += self.now.is_alive

        def work(process: Process, ref: Ref) -> None:
            process.runs -= 1
            kinds = {self.world.poison[key] for key in task if key in self.world.poison}
            if "kills" in kinds:
                self.die()
            elif "loses its GPU" in kinds or process.is_sick:
                process.is_sick = True
                ref.come_to(_raised(RuntimeError(ILLEGAL)))
            else:
                ref.come_to(_raised(MemoryError("full")) if kinds else task)

        return self._call(work, self.world.chance.uniform(0.1, 5))


def _unavailable(words: str) -> RayActorError:
    return ActorUnavailableError(words, None)


def _raised(cause: Exception) -> RayTaskError:
    return RayTaskError("run", str(cause), cause)


def failed_to_start() -> RayActorError:
    """Of an actor whose worker could not be built again."""
    return ActorDiedError(_raised(OSError("no such weights")))
