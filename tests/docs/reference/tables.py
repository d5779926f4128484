"""Tables of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table; a `|` in a cell is escaped."""
    return [
        "| " + " | ".join(headings) + " |",
        "|" + "---|" * len(headings),
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows),
    ]


def page(title: str, opening: str, lines: Iterable[str]) -> str:
    """A whole page, with the note that it is written by a program."""
    note = (
        "<!-- Written from the code by `python -m tests.docs.reference`. Change the code, not this page. -->"
    )
    return "\n".join([f"# {title}", "", note, "", opening, "", *lines]).rstrip() + "\n"
