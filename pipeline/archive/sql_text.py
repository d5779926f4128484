"""Conditions on the catalogue's columns as SQL: every text of a user or a store is quoted here."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

_SPECIAL_IN_LIKE: Final = re.compile(r"[%_\\]")


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def one_of(name: str, texts: Collection[str]) -> str:
    """The condition that a column holds one of some texts, at least one."""
    return f"{name} IN ({', '.join(map(literal, texts))})"


def holds_in_order(name: str, texts: Sequence[str]) -> str:
    """A condition on a column that every text meets which begins with the first of some, ends with the last and holds
    the others between them; a few others may meet it too."""
    return f"{name} LIKE {literal('%'.join(_SPECIAL_IN_LIKE.sub('_', text) for text in texts))}"
