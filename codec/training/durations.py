"""How long the long stages of a run took, so that a session of so many minutes knows when it has to begin to end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from codec.training.written import replacing

DURATIONS_NAME: Final = "durations.json"
Stage = Literal["evaluation", "export"]


class Durations:
    """Seconds that an evaluation and an export took when they were last made, kept in the run's folder."""

    def __init__(self, out: Path) -> None:
        self._path = out / DURATIONS_NAME
        self._seconds = _read(self._path)

    @property
    def evaluation(self) -> float:
        """0 before the first."""
        return self._seconds.get("evaluation", 0.0)

    @property
    def export(self) -> float:
        """Before the first, what an evaluation takes: both put a few dozen crops through the model."""
        return self._seconds.get("export", self.evaluation)

    @contextmanager
    def measured(self, stage: Stage) -> Iterator[None]:
        """Take the time of a stage, if it comes to its end."""
        began = time.monotonic()
        yield
        self._seconds[stage] = round(time.monotonic() - began, 1)
        with replacing(self._path) as file:
            file.write(json.dumps(self._seconds).encode())


def _read(path: Path) -> dict[str, float]:
    """Nothing where there is no such file, or a damaged one: then it is as before the first evaluation."""
    try:
        seconds = json.loads(path.read_text(encoding="utf-8"))
        return {str(stage): float(taken) for stage, taken in seconds.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}
