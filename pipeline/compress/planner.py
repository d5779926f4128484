"""The planner thread: walks the source, keeps what is new or changed, stores units of work, hands them over.

It runs ahead of the workers as far as it can: a unit is three numbers here, its images lie in the archive. What it
counts travels to the driver's thread in the same queue, as events.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict

import pyarrow as pa

from pipeline.archive.stored_plan import StoredPlan, Unit
from pipeline.compress.comparison import SORTED, Compared, ListingComparison
from pipeline.compress.units import cut
from pipeline.config import ShardConfig
from pipeline.events import (
    Event,
    ImagesCommitted,
    ImagesFinished,
    ImagesListed,
    Listener,
    ListingEnded,
    StepAdvanced,
)
from pipeline.source.listing import images_of
from pipeline.source.notes import ListingNotes
from pipeline.types import SourceImage

_TELL_EVERY_S = 0.25
"""Images that are seen unchanged are told of together, at least this often."""


class Planner:
    """Turns a stream of source images into stored units, in a thread of its own."""

    def __init__(
        self,
        comparison: ListingComparison,
        plan: StoredPlan,
        *,
        limits: ShardConfig,
        parallel: int,
        done: frozenset[int],
        notes: Callable[[], ListingNotes],
        listen: Listener,
    ) -> None:
        """Start planning.

        Args:
            comparison: of the listing; not begun when the stored plan is already complete.
            plan: where units are stored; what an interrupted run stored is handed over again.
            limits: size of a unit.
            parallel: workers to feed when the listing is short.
            done: units of the stored plan that are committed already.
            notes: gives what the listing has found so far beside its images.
            listen: is called from `next` and `tell`, in the thread of whoever calls these.
        """
        self._comparison = comparison
        self._plan = plan
        self._limits = limits
        self._parallel = parallel
        self._done = done
        self._notes = notes
        self._stored_notes: ListingNotes | None = None
        self._listen = listen
        self._news: queue.SimpleQueue[Unit | Event | BaseException | None] = queue.SimpleQueue()
        self._units: deque[Unit | BaseException | None] = deque()
        self._tally = _ListingTally(self._news.put)
        self._stop = threading.Event()
        self.ended = False
        """No unit will follow."""
        self.compared: ListingComparison | None = None
        """The comparison, at its end; None until then, or when none was made."""
        self._thread = threading.Thread(target=self._run, name="planner", daemon=True)
        self._thread.start()

    def next(self, wait_s: float) -> Unit | None:
        """The next unit, or None: nothing in time, or nothing any more (`ended`).

        Raises:
            Whatever the listing raised: SourceError, StorageError.
        """
        self.tell()
        if self.ended:
            return None
        if not self._units and wait_s:
            self._wait(wait_s)
        if not self._units:
            return None
        unit = self._units.popleft()
        if isinstance(unit, BaseException):
            self.ended = True
            raise unit
        self.ended = unit is None
        return unit

    def tell(self) -> None:
        """Hand on what was counted in the meantime."""
        while not self._news.empty():
            self._take(self._news.get())

    def notes(self) -> ListingNotes:
        """What the listing found beside its images: this one, or that of the interrupted run."""
        return self._stored_notes or self._notes()

    def stop(self) -> None:
        """Plan no further; returns when the thread has ended its current step."""
        self._stop.set()
        self._thread.join(timeout=30)

    def _wait(self, wait_s: float) -> None:
        try:
            self._take(self._news.get(timeout=wait_s))
        except queue.Empty:
            return

    def _take(self, news: Unit | Event | BaseException | None) -> None:
        if news is None or isinstance(news, Unit | BaseException):
            self._units.append(news)
        else:
            self._listen(news)

    def _run(self) -> None:
        try:
            for unit in self._all_units():
                if self._stop.is_set():
                    return
                self._news.put(unit)
            self._news.put(None)
        except BaseException as error:  # noqa: BLE001  crosses the thread; `next` raises it
            self._news.put(error)

    def _all_units(self) -> Iterator[Unit]:
        facts = self._plan.facts()
        planned: set[str] = set()
        first = 0
        for unit, images in self._plan.stored():
            first = unit.number + 1
            if facts is None:
                planned.update(image.key for image in images)
            self._news.put(ImagesListed(images=unit.images))
            if unit.number in self._done:
                self._news.put(ImagesFinished(images=unit.images))
                self._news.put(ImagesCommitted(images=unit.images))
            else:
                yield unit
        if facts is None:
            yield from self._new_units(planned, first)
            if self._stop.is_set():  # perhaps in the middle of the listing
                return
            self._plan.finish(
                {
                    "unchanged": self._tally.unchanged,
                    "displacing": self._tally.displacing,
                    "notes": asdict(self._notes()),
                }
            )
        else:
            self._stored_notes = ListingNotes.from_json(facts.get("notes", {}))
            displacing = facts.get("displacing", 0)  # older releases did not count them
            self._news.put(ImagesListed(unchanged=facts["unchanged"], displacing=displacing))
        self._news.put(ListingEnded())

    def _new_units(self, planned: set[str], first: int) -> Iterator[Unit]:
        """What the rest of the listing makes, numbered from `first`, without the keys that are planned already."""
        number = first
        for part in cut(self._fresh(planned), self._limits, parallel=self._parallel):
            unit = self._plan.store(number, part)
            number = unit.number + 1
            self._tally.tell(images=unit.images)
            yield unit
        self._tally.tell()
        self.compared = None if self._stop.is_set() else self._comparison

    def _tell_sorting(self, done: int) -> None:
        self._news.put(StepAdvanced(words=SORTED, done=done))

    def _fresh(self, planned: set[str]) -> Iterator[SourceImage]:
        keys = pa.array(sorted(planned), pa.string())
        for compared in self._comparison.compared(sorting=self._tell_sorting):
            if self._stop.is_set():
                return
            unplanned = compared.without(keys) if planned else compared
            self._tally.see(unplanned)
            yield from images_of(unplanned.to_take())


class _ListingTally:
    """Counts of a listing, handed on from time to time."""

    def __init__(self, tell: Listener) -> None:
        self.unchanged = 0
        self.displacing = 0
        self._tell = tell
        self._reported = (0, 0)
        self._reported_at = time.monotonic()

    def see(self, compared: Compared) -> None:
        self.unchanged += compared.count("unchanged")
        self.displacing += compared.count("displacing")
        if time.monotonic() - self._reported_at >= _TELL_EVERY_S:
            self.tell()

    def tell(self, images: int = 0) -> None:
        unchanged, displacing = self.unchanged - self._reported[0], self.displacing - self._reported[1]
        if images or unchanged:
            self._tell(ImagesListed(images=images, unchanged=unchanged, displacing=displacing))
        self._reported, self._reported_at = (self.unchanged, self.displacing), time.monotonic()
