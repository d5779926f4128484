"""README.md: the same for whoever reads the folder where Markdown is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from codec.bench.zoo.page import words
from codec.bench.zoo.page.content import Content, Figure, Shelf
from codec.bench.zoo.page.tables import columns, kmac, lines, parameters, training
from codec.bench.zoo.sheet import Sheet

_A_ROW: Final = 4
"""Pictures beside each other."""
_WIDTH: Final = 192


def as_markdown(content: Content) -> str:
    """The whole page."""
    return "\n".join(_lines(content)) + "\n"


def _lines(content: Content) -> Iterator[str]:
    sheet = content.sheet
    yield from (f"# {words.TITLE}", "", f"Made by `tenfold bench zoo`. {words.about(sheet)}", "")
    yield "The same as a page for a browser: [index.html](index.html); as data: [zoo.json](zoo.json)."
    yield from ("", "## Pictures", "", words.PICTURES, "")
    for shelf in content.shelves:
        yield from _shelf(shelf)
    yield from ("## What was claimed", "", f"{words.CLAIMS} {words.tally(content.answers)}", "")
    yield from _claims(content)
    yield from ("", "## Numbers", "", words.TABLES, "")
    for rate in sheet.rates:
        yield from _numbers(sheet, rate)
    yield from ("## Curves", "")
    for file in content.curves:
        yield from (f"![{file}]({file})", "")
    yield from ("## The codecs", "")
    yield from _codecs(sheet)
    yield from ("", "## The judges", "")
    yield from (f"- **{judge.name}**: {judge.source}. {judge.blind_to}" for judge in sheet.judges)
    if sheet.not_measured:
        yield from ("", "## Not measured, because", "")
        yield from (f"- {name}: {reason}" for name, reason in sheet.not_measured.items())


def _claims(content: Content) -> Iterator[str]:
    return _table(
        ("claim", "source", "found", "verdict"),
        (
            (answer.claim.sentence, answer.claim.source, "<br>".join(answer.numbers), f"**{answer.verdict}**")
            for answer in content.answers
        ),
    )


def _codecs(sheet: Sheet) -> Iterator[str]:
    return _table(
        ("id", "codec", "source", "parameters", "kMAC a pixel, encode + decode", "trained"),
        (
            (f"`{one.id}`", one.title, one.source, parameters(one), kmac(one), training(one))
            for one in sheet.entrants()
        ),
    )


def _shelf(shelf: Shelf) -> Iterator[str]:
    yield from (f"### {shelf.key} at {shelf.rate:g} bpp", "", "<table>")
    for start in range(0, len(shelf.figures), _A_ROW):
        yield "<tr>"
        yield from (_picture(figure) for figure in shelf.figures[start : start + _A_ROW])
        yield "</tr>"
    yield from ("</table>", "")


def _picture(figure: Figure) -> str:
    badges = [words.GENERATED] * figure.generated + ["other bytes"] * (not figure.is_matched)
    facts = ", ".join((figure.facts, *badges))
    return f'<td><img src="{figure.file}" width="{_WIDTH}" alt="{figure.title}"><br>{figure.title}<br>{facts}</td>'


def _numbers(sheet: Sheet, rate: float) -> Iterator[str]:
    shown = columns(sheet, rate)
    arrows = {"higher": " ↑", "lower": " ↓"}
    headings = [f"{one.title}{arrows.get(one.better, '')}" for one in shown]
    yield from (f"### At {rate:g} bpp", "")
    yield from _table(
        ("codec", *headings),
        (
            (
                f"{line.entrant.title}{'' if line.is_matched else ' (other bytes)'}",
                *(f"**{cell.text}**" if cell.is_best else cell.text for cell in line.cells),
            )
            for line in lines(sheet, rate)
        ),
    )
    yield ""


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
