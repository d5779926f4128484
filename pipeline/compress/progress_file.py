"""progress.json: how far a run is, for whoever looks into the archive."""

from __future__ import annotations

import time

from pipeline.compress.run_record import RunRecord
from pipeline.events import Event, RunEnded
from pipeline.progress import Follower

_EVERY_S = 10.0


class ProgressFile:
    """A listener that writes the progress into the run's records, from time to time and at the end."""

    def __init__(self, record: RunRecord, follower: Follower) -> None:
        """Write nothing yet; `follower` takes every event before this does."""
        self._record = record
        self._follower = follower
        self._written_at = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if event.at - self._written_at >= _EVERY_S or isinstance(event, RunEnded):
            self._record.write_progress(self._follower.progress.as_json())
            self._written_at = time.monotonic()
