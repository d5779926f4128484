"""The sheet as tables of words: one for each rate, one of what the codecs are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from codec.bench.judges.trained_on import MARK
from codec.bench.zoo.entrant import Entrant
from codec.bench.zoo.sheet import Sheet, SheetRow
from codec.preset import training_words

_NOTHING: Final = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One measure."""

    measure: str
    """As `Row.value` takes it."""
    heading: str
    unit: str = ""
    better: Literal["lower", "higher", ""] = ""
    digits: int = 2
    note: str = ""
    """Where the measure comes from, and what it does not see."""

    @property
    def title(self) -> str:
        """The heading with its unit: `encode (s/MP)`."""
        return f"{self.heading} ({self.unit})" if self.unit else self.heading


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number in words."""

    text: str
    is_best: bool = False
    note: str = ""
    """Why there is none, or what it is marked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLine:
    """One entrant at one rate."""

    entrant: Entrant
    is_matched: bool
    cells: tuple[Cell, ...]


_ALWAYS: Final = (
    Column(measure="bpp", heading="bpp", digits=3, note="bits per pixel, whole payloads"),
    Column(measure="ratio", heading="ratio", unit="x", digits=1, note="raw 24-bit bytes over payload bytes"),
    Column(measure="psnr_db", heading="PSNR", unit="dB", better="higher", note="over all RGB samples"),
)
_COSTS: Final = (
    Column(
        measure="lost_db",
        heading="lost by re-encoding",
        unit="dB",
        better="lower",
        note="PSNR that four generations lose",
    ),
    Column(
        measure="encode_s_per_mp",
        heading="encode",
        unit="s/MP",
        better="lower",
        note="CPU seconds a megapixel",
    ),
    Column(
        measure="decode_s_per_mp",
        heading="decode",
        unit="s/MP",
        better="lower",
        note="CPU seconds a megapixel",
    ),
)


def columns(sheet: Sheet, rate: float) -> list[Column]:
    """The measures that some row of a rate has."""
    judges = [
        Column(
            measure=judge.name,
            heading=judge.name,
            better=judge.better,
            digits=_digits([row.scores[judge.name] for row in sheet.rows if judge.name in row.scores]),
            note=f"{judge.source}. {judge.blind_to}",
        )
        for judge in sheet.judges
    ]
    rows = sheet.at(rate)
    found = [*_ALWAYS, *judges, *_COSTS]
    return [one for one in found if any(row.value(one.measure) is not None for row in rows)]


def lines(sheet: Sheet, rate: float) -> Iterator[TableLine]:
    """The rows of a rate in words; the best of each measure among those of matched bytes is marked.

    A judge of sets that has no floor saw so little that it tells nobody from another.
    """
    rows, shown = sheet.at(rate), columns(sheet, rate)
    blind = {
        judge.name for judge in sheet.judges if judge.of_set is not None and judge.name not in sheet.floors
    }
    best = {column.measure: None if column.measure in blind else _best(rows, column) for column in shown}
    for row in rows:
        yield TableLine(
            entrant=row.entrant,
            is_matched=row.is_matched,
            cells=tuple(_cell(row, column, best[column.measure]) for column in shown),
        )


def parameters(entrant: Entrant) -> str:
    """How many, as a person says it."""
    if entrant.cost is None:
        return _NOTHING
    millions = entrant.cost.parameters / 1e6
    return f"{millions:.2f} M" if millions < 10 else f"{millions:.0f} M"


def kmac(entrant: Entrant) -> str:
    """Thousands of multiplications a pixel, to encode and to decode."""
    cost = entrant.cost
    if cost is None:
        return _NOTHING
    return f"{cost.encode_kmac_per_pixel:.3g} + {cost.decode_kmac_per_pixel:.3g}"


def training(entrant: Entrant) -> str:
    """How long it was trained."""
    return training_words(minutes=entrant.minutes, steps=entrant.steps) or _NOTHING


def _cell(row: SheetRow, column: Column, best: float | None) -> Cell:
    value = row.value(column.measure)
    if value is None:
        return Cell(text=_NOTHING, note="not measured; see below")
    is_trained_on = column.measure in row.entrant.trained_on
    return Cell(
        text=f"{value:.{column.digits}f}{MARK if is_trained_on else ''}",
        is_best=value == best and not is_trained_on,
        note="its training was judged by this" if is_trained_on else "",
    )


def _best(rows: Sequence[SheetRow], column: Column) -> float | None:
    values = [
        value
        for row in rows
        if row.is_matched
        and column.measure not in row.entrant.trained_on
        and (value := row.value(column.measure)) is not None
    ]
    if not values or not column.better:
        return None
    return max(values) if column.better == "higher" else min(values)


def _digits(values: Sequence[float]) -> int:
    """So that three or four digits are seen."""
    largest = max((abs(value) for value in values), default=1.0)
    return 1 if largest >= 20 else 2 if largest >= 2 else 4
