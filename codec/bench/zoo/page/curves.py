"""One measure over the rate, a line for every entrant: SVG that follows the reader's light or dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from codec.bench.zoo.entrant import Entrant
from codec.bench.zoo.page.tables import Column
from codec.bench.zoo.sheet import Sheet

_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 190, 34, 42
_LABEL_STEP: Final = 14
_COLOURS: Final = 8
_STYLE: Final = """
.curves { --ink: #1c2126; --faint: #5b6570; --line: #dfe3e6;
  --c0: #d1410c; --c1: #0072b2; --c2: #00805f; --c3: #a0449a;
  --c4: #9a6a00; --c5: #4f6d7a; --c6: #c2185b; --c7: #5e35b1; }
@media (prefers-color-scheme: dark) { .curves { --ink: #e8eaec; --faint: #a3adb6; --line: #343b42;
  --c0: #ff8a5b; --c1: #5fb4ee; --c2: #4fcfa5; --c3: #df93d8;
  --c4: #e3b341; --c5: #a9bcc7; --c6: #ff80ab; --c7: #b39ddb; } }
.curves text { font: 12px system-ui, sans-serif; fill: var(--faint); }
.curves .title { font-size: 14px; font-weight: 600; fill: var(--ink); }
.curves .grid { stroke: var(--line); stroke-width: 1; }
.curves .curve { fill: none; stroke-width: 2; }
.curves .ordinary { stroke: var(--faint); stroke-dasharray: 4 3; stroke-width: 1.5; }
.curves .lead { stroke-width: 0.75; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    entrant: Entrant
    points: tuple[tuple[float, float], ...]


def draw(sheet: Sheet, column: Column) -> str | None:
    """The picture of a measure; None where fewer than two rates have it."""
    drawn = [line for entrant in sheet.entrants() if (line := _line(sheet, entrant, column)) is not None]
    if not drawn:
        return None
    rates = [rate for line in drawn for rate, _ in line.points]
    values = [value for line in drawn for _, value in line.points]
    across = _Axis(math.log(min(rates)), math.log(max(rates)), _LEFT, _WIDTH - _RIGHT)
    up = _Axis(*_margin(min(values), max(values)), _HEIGHT - _BOTTOM, _TOP)
    parts = [*_grid(sheet, across, up)]
    labels = _spread([up.at(line.points[-1][1]) for line in drawn])
    colours = _colours(sheet)
    for line, label in zip(drawn, labels, strict=True):
        parts += _drawn(line, label, colours[line.entrant.id], across, up)
    arrow = {"higher": "higher is better", "lower": "lower is better"}.get(column.better, "")
    title = f"{column.title}, {arrow}"
    parts.append(f'<text class="title" x="{_LEFT}" y="18">{escape(title)}</text>')
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 8}">bits per pixel (logarithmic)</text>')
    return (
        f'<svg class="curves" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}"><style>{_STYLE}</style>{"".join(parts)}</svg>\n'
    )


class _Axis:
    """From values to pixels."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high, self._start, self._end = low, high, start, end

    def at(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return round(self._start + share * (self._end - self._start), 1)


def _line(sheet: Sheet, entrant: Entrant, column: Column) -> _Line | None:
    points = [
        (row.bpp, value)
        for row in sheet.rows
        if row.entrant.id == entrant.id and (value := row.value(column.measure)) is not None
    ]
    finite = [point for point in points if math.isfinite(point[1])]
    return _Line(entrant=entrant, points=tuple(finite)) if len(finite) > 1 else None


def _margin(low: float, high: float) -> tuple[float, float]:
    spare = 0.05 * (high - low) or 0.5
    return low - spare, high + spare


def _grid(sheet: Sheet, across: _Axis, up: _Axis) -> list[str]:
    parts = []
    for rate in sheet.rates:
        x = across.at(math.log(rate))
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
        parts.append(f'<text x="{x}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{rate:g}</text>')
    for value in _ticks(up.low, up.high):
        y = up.at(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{value:g}</text>')
    return parts


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between two."""
    rough = (high - low) / 5
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    first = math.ceil(low / step)
    return [round(number * step, 10) for number in range(first, math.floor(high / step) + 1)]


def _drawn(line: _Line, label: float, colour: str, across: _Axis, up: _Axis) -> list[str]:
    """A curve, its points, and its name at its end."""
    places = [(across.at(math.log(rate)), up.at(value)) for rate, value in line.points]
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    kind = "ordinary" if line.entrant.is_ordinary else ""
    end_x, end_y = places[-1]
    name = escape(line.entrant.title)
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>' for x, y in places)
    text_x = _WIDTH - _RIGHT + 14
    return [
        f'<g><title>{name}</title><path class="curve {kind}" d="{path}" stroke="{colour}"/>{dots}',
        f'<path class="lead" d="M{end_x} {end_y}L{text_x - 3} {label}" stroke="{colour}"/>',
        f'<text x="{text_x}" y="{label + 4}" style="fill: {colour}">{name}</text></g>',
    ]


def _colours(sheet: Sheet) -> dict[str, str]:
    """By the ids of entrants, the same in every picture; ordinary codecs are grey."""
    learned = [entrant.id for entrant in sheet.entrants() if not entrant.is_ordinary]
    return {
        entrant.id: "var(--faint)"
        if entrant.is_ordinary
        else f"var(--c{learned.index(entrant.id) % _COLOURS})"
        for entrant in sheet.entrants()
    }


def _spread(wanted: Sequence[float]) -> list[float]:
    """Heights of labels near those wanted, none on another."""
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    placed = [0.0] * len(wanted)
    last = -math.inf
    for number in order:
        last = placed[number] = max(wanted[number], last + _LABEL_STEP)
    lowest = float(_HEIGHT - _BOTTOM)
    for number in reversed(order):
        placed[number] = min(placed[number], lowest)
        lowest = placed[number] - _LABEL_STEP
    return [round(place, 1) for place in placed]
