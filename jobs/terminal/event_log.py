"""The events of a run as objects of a log: what happens now and then, under the name of its event."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Final

from jobs.terminal.json_lines import JsonLines
from pipeline.events import (
    CodecLoaded,
    EffortMeasured,
    Event,
    ImagesCommitted,
    ImagesFinished,
    ListingEnded,
    PhaseBegan,
    RecordOpened,
    RunBegan,
    RunEnded,
    WorkersStarted,
)
from pipeline.failure_kinds import failure_kind

_LOGGED: Final = (
    *(RunBegan, CodecLoaded, RecordOpened, EffortMeasured, PhaseBegan, WorkersStarted),
    *(ListingEnded, ImagesCommitted, RunEnded),
)
"""Other events come by the thousand, and are told as numbers of `progress`."""


class EventLog:
    """A listener that writes the events of a run as lines."""

    def __init__(self, lines: JsonLines) -> None:
        """Write nothing yet."""
        self._lines = lines

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, ImagesFinished):
            for failure in event.failures:
                kind = failure_kind(failure.reason)
                self._lines.write(
                    "image_failed", "warning", key=failure.key, kind=kind, reason=failure.reason
                )
        elif isinstance(event, _LOGGED):
            fields = {name: value for name, value in asdict(event).items() if name != "at"}
            self._lines.write(_snake(type(event).__name__), **fields)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
