"""The worker that learns. Plain Python; Ray only wraps it (ray_pool.py).

The work goes on in a thread of its own, and a task only asks how far it is. Whoever is built in the place of a worker
that died goes on with what the archive keeps of the attempt.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Final

from pipeline.adapt.attempt import read_attempt
from pipeline.adapt.learned import Learned
from pipeline.adapt.tasks import AdaptSpec, LearningState, Look
from pipeline.adapt.work import AdaptWork, StoppedError
from pipeline.events import AdaptationAdvanced
from pipeline.source.source import Source
from pipeline.store.storage import Storage
from pipeline.stuck_calls import returns_in_time
from pipeline.workers.pool import Worker

_PATIENCE_S: Final = 10.0
"""A step takes less, and the archive has a checkpoint already that is not much older."""
_LOOK_S: Final = 1.0
"""A look takes so long while nothing ends."""


class AdaptWorker(Worker[Look, LearningState]):
    """Goes on with one attempt, from where it is."""

    def __init__(self, spec: AdaptSpec, *, threads: int) -> None:
        """Start the thread."""
        archive = Storage(spec.archive_url, spec.config.storage)
        attempt = read_attempt(archive, spec.adaptation)
        total = len(attempt.sample.learn) + len(attempt.sample.held_back)
        self._now = AdaptationAdvanced(step="reading", done=0, total=total)
        self._learned: Learned | None = None
        self._error: BaseException | None = None
        self._folder = TemporaryDirectory(prefix="tenfold-adapt-", ignore_cleanup_errors=True)
        self._stopping, self._ended = Event(), Event()
        self._adapting = AdaptWork(
            archive,
            Source(spec.source),
            spec.config,
            spec.adapt_config,
            attempt,
            threads=threads,
            tell=self._hear,
            is_stopped=self._stopping.is_set,
        )
        self._thread = Thread(target=self._work, name="learner", daemon=True)
        self._thread.start()

    def run(self, task: Look) -> LearningState:
        """How far it is, after a moment.

        Raises:
            Whatever ended the work, as `AdaptWork.run`.
        """
        self._ended.wait(_LOOK_S)
        if self._error is not None:
            raise self._error
        return LearningState(now=self._now, learned=self._learned)

    def close(self) -> None:
        """End the work with a checkpoint that the archive keeps; an evaluation under way is not waited for."""
        self._stopping.set()
        try:
            returns_in_time(self._thread.join, timeout_s=_PATIENCE_S, name="learner's end")
        finally:
            self._folder.cleanup()

    def _hear(self, now: AdaptationAdvanced) -> None:
        self._now = now

    def _work(self) -> None:
        try:
            self._learned = self._adapting.run(Path(self._folder.name))
        except StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001  crosses the thread; `run` raises it
            self._error = error
        finally:
            self._ended.set()
