"""Many things cut into parts that memory holds at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Thing = TypeVar("_Thing")


def parts(things: Iterable[_Thing], weight: Callable[[_Thing], int], *, most: int) -> Iterator[list[_Thing]]:
    """The things in their order, in lists of at most so much weight, or of one thing that has more."""
    part: list[_Thing] = []
    held = 0
    for thing in things:
        if part and held + weight(thing) > most:
            yield part
            part, held = [], 0
        part.append(thing)
        held += weight(thing)
    if part:
        yield part
