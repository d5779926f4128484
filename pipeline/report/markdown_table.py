"""Tables as GitHub Markdown, of words that an archive may have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Its first column stands left, the others right."""
    lines = [f"| {' | '.join(header)} |", "|---" + "|---:" * (len(header) - 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def markdown_cell(text: str) -> str:
    """Text from the archive: no cell, line or HTML of its own."""
    flat = " ".join(text.replace("|", "\\|").split())
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
