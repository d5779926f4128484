"""The planner thread: walks the source, keeps what is new or changed, stores units of work, hands them over.

It runs ahead of the workers as far as it can: a unit is three numbers here, its images lie in the archive.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from pipeline.archive.stored_plan import StoredPlan, Unit
from pipeline.compress.known_images import KnownImages
from pipeline.compress.units import cut
from pipeline.config import ShardConfig
from pipeline.progress import Progress
from pipeline.types import SourceImage


class Planner:
    """Turns a stream of source images into stored units, in a thread of its own."""

    def __init__(
        self,
        images: Iterator[SourceImage],
        plan: StoredPlan,
        *,
        known: Callable[[], KnownImages],
        limits: ShardConfig,
        parallel: int,
        done: frozenset[int],
        progress: Progress,
    ) -> None:
        """Start planning.

        Args:
            images: the listing; not consumed when the stored plan is already complete.
            plan: where units are stored; what an interrupted run stored is handed over again.
            known: gives what the catalogue holds; called in the thread.
            limits: size of a unit.
            parallel: workers to feed when the listing is short.
            done: units of the stored plan that are committed already.
            progress: `listed`, `unchanged`, `displacing`, `finished`, `committed` and `listing_done` are kept here.
        """
        self._images = images
        self._plan = plan
        self._known = known
        self._limits = limits
        self._parallel = parallel
        self._done = done
        self._progress = progress
        self._units: queue.SimpleQueue[Unit | BaseException | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self.ended = False
        """No unit will follow."""
        self.listed: KnownImages | None = None
        """What the catalogue holds, held against the whole listing; None until it ended, or when none was made."""
        self._thread = threading.Thread(target=self._run, name="planner", daemon=True)
        self._thread.start()

    def next(self, wait_s: float) -> Unit | None:
        """The next unit, or None: nothing in time, or nothing any more (`ended`).

        Raises:
            Whatever the listing raised: SourceError, StorageError.
        """
        if self.ended:
            return None
        try:
            unit = self._units.get(timeout=wait_s) if wait_s else self._units.get_nowait()
        except queue.Empty:
            return None
        if isinstance(unit, BaseException):
            self.ended = True
            raise unit
        self.ended = unit is None
        return unit

    def stop(self) -> None:
        """Plan no further; returns when the thread has ended its current step."""
        self._stop.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        try:
            for unit in self._all_units():
                if self._stop.is_set():
                    return
                self._units.put(unit)
            self._units.put(None)
        except BaseException as error:  # noqa: BLE001  crosses the thread; `next` raises it
            self._units.put(error)

    def _all_units(self) -> Iterator[Unit]:
        stored = self._plan.units()
        for unit in stored:
            self._progress.listed += unit.images
            if unit.number in self._done:
                self._progress.finished += unit.images
                self._progress.committed += unit.images
            else:
                yield unit
        facts = self._plan.facts()
        if facts is None:
            yield from self._new_units(stored)
            if self._stop.is_set():  # perhaps in the middle of the listing
                return
            self._plan.finish(
                {"unchanged": self._progress.unchanged, "displacing": self._progress.displacing}
            )
        else:
            self._progress.unchanged = facts["unchanged"]
            self._progress.displacing = facts.get("displacing", 0)  # older releases did not count them
        self._progress.listing_done = True

    def _new_units(self, stored: list[Unit]) -> Iterator[Unit]:
        planned = {image.key for unit in stored for image in self._plan.load(unit.number)}
        first = stored[-1].number + 1 if stored else 0
        known = self._known()
        for number, part in enumerate(
            cut(self._fresh(planned, known), self._limits, parallel=self._parallel), first
        ):
            unit = self._plan.store(number, part)
            self._progress.listed += unit.images
            yield unit
        self.listed = None if self._stop.is_set() else known

    def _fresh(self, planned: set[str], known: KnownImages) -> Iterator[SourceImage]:
        for image, is_current in known.compared(self._unplanned(planned, known)):
            if is_current:
                self._progress.unchanged += 1
            else:
                self._progress.displacing += known.is_from_elsewhere(image)
                yield image

    def _unplanned(self, planned: set[str], known: KnownImages) -> Iterator[SourceImage]:
        for image in self._images:
            if self._stop.is_set():
                return
            known.see(image.key)
            if image.key not in planned:
                yield image
