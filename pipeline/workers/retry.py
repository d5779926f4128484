"""The loop that keeps a pool busy, and what it does when a worker dies on a task: once more, then halves, until the
culprit is alone.

A worker that dies takes innocent tasks with it, so a death in company proves nothing: whoever drives the pool tries
what `after` returns alone in its worker. A task that dies alone is split; an image that does so twice is given up.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Generic, TypeVar

from pipeline.errors import TenfoldError
from pipeline.events import Heartbeat, Listener, TasksUnderWay, ignore
from pipeline.workers.pool import Died, Done, Pool, ResultT, TaskT

_Item = TypeVar("_Item")

_WAIT_S = 0.25
_DEATHS_ALONE = 2
"""So many, of an image tried alone each time, are no chance."""
_MAX_DEATHS_IN_A_ROW = 50
"""Workers dying this often without one success in between are not a matter of one bad image."""


class RetryPolicy(Generic[TaskT]):
    """Counts the deaths of single images that were alone. Tasks must be hashable."""

    def __init__(self, split: Callable[[TaskT], Sequence[TaskT]]) -> None:
        """`split` cuts a task in two, or returns nothing when it holds a single image."""
        self._split = split
        self._deaths: Counter[TaskT] = Counter()
        self._suspects: set[TaskT] = set()
        self._in_a_row = 0

    def is_suspect(self, task: TaskT) -> bool:
        """Whether `after` returned it: to be tried without company, so that the next death has one cause."""
        return task in self._suspects

    def succeeded(self) -> None:
        """A task came back: workers can live."""
        self._in_a_row = 0

    def after(self, death: Died[TaskT]) -> list[TaskT]:
        """The tasks to do instead: the same, its halves, or none when it is one image that kills workers.

        Raises:
            TenfoldError: workers keep dying without a success in between.
        """
        self._in_a_row += 1
        if self._in_a_row > _MAX_DEATHS_IN_A_ROW:
            raise TenfoldError(
                f"Expected workers that stay up, got {self._in_a_row} deaths in a row, the last one: "
                f"{death.reason}. What is finished is kept; look into the Ray logs, then run the same command."
            )
        task = death.task
        if death.blame == "node" or not self.is_suspect(task):
            self._suspects.add(task)
            return [task]
        parts = list(self._split(task))
        if not parts:
            self._deaths[task] += 1
            return [task] if self._deaths[task] < _DEATHS_ALONE else []
        self._suspects.update(parts)
        return parts


def work_through(
    pool: Pool[TaskT, ResultT],
    tasks: Iterable[TaskT | None],
    split: Callable[[TaskT], Sequence[TaskT]],
    *,
    give_up: Callable[[Died[TaskT]], Sequence[TaskT]] = lambda _death: (),
    listen: Listener = ignore,
) -> Iterator[Done[TaskT, ResultT] | Died[TaskT] | None]:
    """Keep a pool busy until every task is done or given up.

    Args:
        tasks: consumed as the pool has room. None says that there is none yet; whoever gives it while nothing is under
            way has waited a moment for one.
        split: as for `RetryPolicy`.
        give_up: what to do instead of a task that kills its workers whenever it is tried alone.
        listen: hears how many tasks are under way, and a heartbeat several times a second.
    Yields:
        What is done; deaths only of tasks that are given up; None whenever nothing else came.
    Raises:
        TenfoldError: workers keep dying without a success in between; or what a worker raised.
    """
    retry: RetryPolicy[TaskT] = RetryPolicy(split)
    fresh, again = iter(tasks), deque[TaskT]()
    in_flight, reported, ended = 0, 0, False
    while again or in_flight or not ended:
        while in_flight < pool.capacity and (again or not ended):
            task = again.popleft() if again else next(fresh, _END)
            if isinstance(task, _End):
                ended = True
            elif task is None:
                break
            else:
                pool.submit(task, alone=retry.is_suspect(task))
                in_flight += 1
        if in_flight != reported:
            listen(TasksUnderWay(tasks=in_flight, capacity=pool.capacity))
            reported = in_flight
        outcome = pool.next(_WAIT_S) if in_flight else None
        if outcome is not None:
            in_flight -= 1
        if isinstance(outcome, Died):
            instead = retry.after(outcome) or list(give_up(outcome))
            again.extendleft(instead)
            yield None if instead else outcome
        else:
            if outcome is not None:
                retry.succeeded()
            yield outcome
        listen(Heartbeat())
    listen(TasksUnderWay(tasks=0, capacity=pool.capacity))


class _End:
    """That no task will follow."""


_END: Final = _End()


def halves(items: Sequence[_Item]) -> list[tuple[_Item, ...]]:
    """Two halves, or nothing for a single item."""
    middle = len(items) // 2
    return [tuple(items[:middle]), tuple(items[middle:])] if middle else []
