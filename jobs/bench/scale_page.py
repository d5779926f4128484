"""What `tenfold bench scale` found, as JSON, and that JSON as tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from jobs.bench.scale_run import GrowthCurve
from pipeline.bench.growth import Growth, fit
from pipeline.words import three_digits

Figures = Mapping[str, Any]
"""What `to_json` gives, now or long ago."""
_MIB: Final = 2**20
_BLOCKS: Final = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One of the numbers that a cost consists of."""

    name: str
    """The field of `WorkCost`."""
    title: str
    unit: int = 1
    """Of the tables, in units of the field."""


CPU: Final = Measure(name="cpu_s", title="CPU seconds")
MEASURES: Final = (
    CPU,
    Measure(name="requests", title="Requests"),
    Measure(name="read_bytes", title="MiB read", unit=_MIB),
    Measure(name="written_bytes", title="MiB written", unit=_MIB),
    Measure(name="peak_bytes", title="Peak memory in MiB", unit=_MIB),
)


def to_json(curves: Sequence[GrowthCurve], about: Mapping[str, Any]) -> dict[str, Any]:
    """All that was measured, in seconds and bytes."""
    cases = {
        curve.case.name: {
            "title": curve.case.title,
            "points": {str(rows): asdict(cost) for rows, cost in curve.points.items()},
            "failed": {str(rows): reason for rows, reason in curve.failed.items()},
        }
        for curve in curves
    }
    for case in cases.values():
        growths = {measure.name: growth_of(case, measure) for measure in MEASURES}
        case["growth"] = {name: asdict(growth) for name, growth in growths.items() if growth is not None}
    return {"about": dict(about), "cases": cases}


def points_of(case: Figures, measure: Measure) -> dict[int, float]:
    """Rows -> the number, in the unit of tables; without those that were not measured."""
    found = {int(rows): cost[measure.name] for rows, cost in case["points"].items()}
    return {rows: value / measure.unit for rows, value in found.items() if value is not None}


def growth_of(case: Figures, measure: Measure) -> Growth | None:
    """The curve through the points of a case; None of fewer than two."""
    points = points_of(case, measure)
    return fit(list(points), list(points.values()))


def to_markdown(found: Figures, before: Figures | None = None) -> str:
    """A table a measure, with a row for each case and a column for each number of rows.

    Args:
        before: an earlier measuring, whose numbers stand before those of this one.
    """
    lines: list[str] = []
    for measure in MEASURES:
        lines += _table(measure, found, before)
    lines += _notes(found)
    return "\n".join(lines) + "\n"


def _table(measure: Measure, found: Figures, before: Figures | None) -> Iterator[str]:
    cases = {name: case for name, case in found["cases"].items() if points_of(case, measure)}
    if not cases:
        return
    sizes = sorted({rows for case in cases.values() for rows in points_of(case, measure)})
    yield f"## {measure.title}"
    yield ""
    yield f"| | {' | '.join(f'{rows:,}' for rows in sizes)} | grows as | |"
    yield f"|---|{'--:|' * len(sizes)}---|---|"
    for name, case in cases.items():
        earlier = None if before is None else before["cases"].get(name)
        now, then = points_of(case, measure), {} if earlier is None else points_of(earlier, measure)
        cells = [_cell(now.get(rows), then.get(rows)) for rows in sizes]
        growths = [_words(one, measure) for one in (earlier, case) if one is not None]
        yield f"| {case['title']} | {' | '.join(cells)} | {' -> '.join(growths)} | {_curve(list(now.values()))} |"
    yield ""


def _cell(now: float | None, then: float | None) -> str:
    words = ["-" if value is None else three_digits(value) for value in (then, now)]
    return words[1] if then is None else " -> ".join(words)


def _words(case: Figures, measure: Measure) -> str:
    growth = growth_of(case, measure)
    return "-" if growth is None else growth.words


def _curve(values: Sequence[float]) -> str:
    """The points as blocks whose heights are logarithms: eight for three decades."""
    lowest = min((value for value in values if value > 0), default=1.0)
    heights = (0.0 if value <= 0 else math.log10(value / lowest) / 3 for value in values)
    return "".join(_BLOCKS[min(len(_BLOCKS) - 1, int(height * len(_BLOCKS)))] for height in heights)


def _notes(found: Figures) -> Iterator[str]:
    for case in found["cases"].values():
        for rows, cost in case["points"].items():
            if cost["notes"]:
                words = ", ".join(f"{name} {three_digits(value)}" for name, value in cost["notes"].items())
                yield f"- {case['title']}, {int(rows):,} rows: {words}"
        for rows in case["failed"]:
            yield f"- {case['title']}, {int(rows):,} rows: failed"
