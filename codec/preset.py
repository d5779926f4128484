"""What the shipped weights files of a family are, by what their headers and training logs say: no torch, no tensors."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from codec.errors import WeightsError
from codec.family import Cost, Family
from codec.weights_file import SUFFIX, read_header

GENERATES: Final = "generates"
"""True in the record of weights whose pictures show what no payload says."""
_LOGS: Final = (".log", ".log.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What weights reached on held-back crops when their training ended."""

    label: str
    """Of the setting: `q34`."""
    bpp: float
    psnr_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One shipped weights file."""

    name: str
    """As `--weights` takes it."""
    num_bytes: int
    cost: Cost | None
    """None where the family does not count it."""
    reached: tuple[Reached, ...]
    """Smallest files first; empty where its record does not say."""
    reached_at: int | None
    """The step of its last training at which that was measured: an earlier one than the last where a session ended
    between two evaluations. None where neither record nor log say."""
    minutes: float | None
    """Of all its trainings, one after the other; None where neither its log nor its config say."""
    generates: bool
    """Whether its pictures show what no payload says."""
    patch: int | None
    """Pixels a side of the patches it was trained on; None where its record does not say."""
    last_step: int | None
    """Of its last training; None where its record does not say."""
    steps: int | None
    """Of all its trainings, one after the other: 0 for weights that were fitted and not trained; None where neither
    record nor log say."""


def preset_names(family: Family) -> tuple[str, ...]:
    """Names of the weights files that ship with a family."""
    return tuple(sorted((path.stem for path in family.shipped.glob(f"*{SUFFIX}")), key=_by_number))


def read_preset(family: Family, name: str) -> Preset:
    """One of them.

    Raises:
        WeightsError: it is missing, damaged, or has no record that can be read.
    """
    path = family.weights_path(name)
    header = read_header(path)
    try:
        record: Mapping[str, Any] = json.loads(header.config).get("recipe", {})
        config: Mapping[str, Any] = record.get("config", {})
        return Preset(
            name=name,
            num_bytes=path.stat().st_size,
            cost=family.cost_of(header),
            reached=tuple(_reached(name, record.get("reached", {}))),
            reached_at=_reached_at(path, record),
            minutes=_minutes(path, config),
            generates=bool(record.get(GENERATES, False)),
            patch=config.get("patch"),
            last_step=record.get("steps_done"),
            steps=_steps(path, record),
        )
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise WeightsError(f"expected a record of its training in {path}, got {error!r}") from error


def training_words(*, minutes: float | None, steps: int | None) -> str:
    """How long something was trained, `20 min, 500 steps`; empty where neither is known."""
    if steps == 0:
        return "not trained"
    limits = (f"{minutes:g} min" if minutes else "", f"{steps:,} steps" if steps else "")
    return ", ".join(filter(None, limits))


def _by_number(name: str) -> list[tuple[int, str]]:
    """10x before 100x."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"(\d+)", name)]


def _reached(name: str, record: Mapping[str, Any]) -> Iterator[Reached]:
    points = record.get("points", [{"label": name, **record}] if record else [])
    for point in points:
        yield Reached(label=point["label"], bpp=point["bpp"], psnr_db=point["psnr_db"])


def _reached_at(weights: Path, record: Mapping[str, Any]) -> int | None:
    """Older records leave it to the log."""
    evaluated = [row["step"] for row in _log_rows(weights) if row.get("kind") == "evaluate"]
    at: int | None = record.get("reached", {}).get("step", evaluated[-1] if evaluated else None)
    return at


def _steps(weights: Path, record: Mapping[str, Any]) -> int | None:
    """The larger number: a log ends with the last line that was due, a record knows the last training alone."""
    counts = [steps for steps in (_logged_steps(weights), record.get("steps_done")) if steps is not None]
    return max(counts, default=None)


def _logged_steps(weights: Path) -> int | None:
    """Of every run that the log beside a weights file tells of: their numbers begin anew with each."""
    runs = _logged_runs(weights)
    return sum(max(row.get("step", 0) for row in run) for run in runs) if runs else None


def _minutes(weights: Path, config: Mapping[str, Any]) -> float | None:
    """Those of every run that the log tells of; a config knows those of the last one alone."""
    runs = _logged_runs(weights)
    said = [[row["minutes"] for row in run if row.get("kind") == "session"][-1:] for run in runs]
    if said and all(said):
        return round(math.fsum(minutes for (minutes,) in said), 1)
    minutes: float | None = config.get("minutes") if len(runs) <= 1 else None
    return minutes


def _logged_runs(weights: Path) -> list[list[dict[str, Any]]]:
    """The rows of each run in the log beside a weights file."""
    runs: list[list[dict[str, Any]]] = []
    last = 0
    for row in _log_rows(weights):
        step = row.get("step", last)
        if not runs or step < last:
            runs.append([])
        runs[-1].append(row)
        last = step
    return runs


def _log_rows(weights: Path) -> list[dict[str, Any]]:
    """The log beside a weights file; empty where there is none."""
    log = next((path for suffix in _LOGS if (path := weights.with_suffix(suffix)).exists()), None)
    return [] if log is None else [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
