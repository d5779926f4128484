"""A run's log: one JSON object a line, appended; what lies after a checkpoint is cut when the run resumes."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from codec.training.recipe import Evaluation
from codec.training.written import replacing

LOG_NAME: Final = "log.jsonl"


class TrainingLog:
    """The log of the run in one folder."""

    def __init__(self, out: Path) -> None:
        self._path = out / LOG_NAME

    def clear(self) -> None:
        """Begin again."""
        self._path.unlink(missing_ok=True)

    def cut(self, step: int) -> None:
        """Drop what was written after a step, and a line cut by a kill."""
        if self._path.exists():
            kept = [row for row in read_log(self._path.parent) if row["step"] <= step]
            with replacing(self._path) as file:
                file.writelines(f"{json.dumps(row)}\n".encode() for row in kept)

    def write(self, kind: str, step: int, **values: object) -> None:
        """One line."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "step": step, **values}) + "\n")


def read_log(out: Path) -> list[dict[str, Any]]:
    """The rows of a folder's log; a last line cut by a kill is left out. Empty when there is no log."""
    path = out / LOG_NAME
    rows: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            rows.append(row)
    return rows


def evaluation_row(evaluation: Evaluation) -> dict[str, object]:
    """An evaluation as the log and the weights file have it."""
    points = [{name: _number(value) for name, value in asdict(point).items()} for point in evaluation.points]
    return {"points": points, **{name: _number(value) for name, value in evaluation.facts.items()}}


def _number(value: object) -> object:
    if not isinstance(value, float):
        return value
    return round(value, 5) if math.isfinite(value) else None


class LogWindow:
    """Sums by name, and how many steps are in them."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, values: dict[str, float]) -> None:
        """Take in one step."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def mean(self, name: str) -> float:
        """NaN when there were no steps."""
        return self._sums[name] / self._count if self._count else math.nan

    def take(self) -> dict[str, float]:
        """All means, to six digits, and begin again; nothing when there were no steps."""
        means = {name: float(f"{total / self._count:.6g}") for name, total in self._sums.items()}
        self._sums, self._count = {}, 0
        return means

    def dump(self) -> str:
        """As JSON, exactly."""
        return json.dumps([self._sums, self._count])

    @classmethod
    def parse(cls, text: str) -> LogWindow:
        """What `dump` gave."""
        window = cls()
        window._sums, window._count = json.loads(text)
        return window
