"""What both pages show, in the order in which they show it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from codec.bench.zoo.claims import ClaimAnswer
from codec.bench.zoo.crops import ShownCrop, Strip
from codec.bench.zoo.page.curves import draw
from codec.bench.zoo.page.tables import columns
from codec.bench.zoo.sheet import Sheet
from codec.contract import RGB

_NOT_DRAWN: Final = ("bpp", "ratio", "encode_s_per_mp", "decode_s_per_mp")
_ODD: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Figure:
    """A picture, and what stands under it."""

    file: str
    """Below the page's folder."""
    pixels: RGB = field(repr=False)
    title: str
    facts: str
    generated: bool = False
    is_matched: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shelf:
    """One image at one rate: the original first."""

    key: str
    rate: float
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Content:
    """All of it."""

    sheet: Sheet
    answers: Sequence[ClaimAnswer]
    shelves: Sequence[Shelf]
    curves: Mapping[str, str]
    """By file, the SVG."""


def content_of(
    sheet: Sheet, answers: Sequence[ClaimAnswer], strips: Mapping[float, Sequence[Strip]]
) -> Content:
    """Lay it out."""
    return Content(
        sheet=sheet,
        answers=answers,
        shelves=[_shelf(one, rate, sheet) for rate in sheet.rates for one in strips.get(rate, ())],
        curves=dict(_curves(sheet)),
    )


def _shelf(strip: Strip, rate: float, sheet: Sheet) -> Shelf:
    place = f"pictures/{_plain(strip.key)}"
    original = Figure(file=f"{place}.webp", pixels=strip.original, title="Original", facts="not compressed")
    return Shelf(
        key=strip.key,
        rate=rate,
        figures=(original, *(_figure(one, f"{place}-{_plain(f'{rate:g}')}", sheet) for one in strip.crops)),
    )


def _figure(shown: ShownCrop, place: str, sheet: Sheet) -> Figure:
    entrant = next(one for one in sheet.entrants() if one.id == shown.entrant)
    return Figure(
        file=f"{place}-{_plain(entrant.id)}.webp",
        pixels=shown.pixels,
        title=entrant.title,
        facts=f"{shown.bpp:.3f} bpp, {shown.psnr_db:.2f} dB",
        generated=entrant.generates,
        is_matched=shown.is_matched,
    )


def _curves(sheet: Sheet) -> list[tuple[str, str]]:
    shown = [column for column in columns(sheet, sheet.rates[0]) if column.measure not in _NOT_DRAWN]
    drawn = [(f"curves/{_plain(column.heading)}.svg", draw(sheet, column)) for column in shown]
    return [(file, drawing) for file, drawing in drawn if drawing is not None]


def _plain(name: str) -> str:
    """A name as part of a file's."""
    return _ODD.sub("-", name.lower()).strip("-")
