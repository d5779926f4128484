"""Stores that are asked again because they did not answer: what a person who waits should know."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A request that is being made again."""

    endpoint: str
    attempt: int
    """The one under way, from 2."""
    most: int
    """After so many it is given up."""
    since: float
    """When the first one failed, by `time.monotonic()`."""


_unanswered: dict[str, Unanswered] = {}


def unanswered() -> Unanswered | None:
    """What this process waits for longest; None where every store answers."""
    return min(list(_unanswered.values()), key=lambda one: one.since, default=None)


def note_failure(endpoint: str, *, attempt: int, most: int) -> None:
    """Note that an attempt failed, the first being 1. After the last one nobody waits any more."""
    if attempt >= most:
        _unanswered.pop(endpoint, None)
        return
    before = _unanswered.get(endpoint)
    since = time.monotonic() if before is None else before.since
    _unanswered[endpoint] = Unanswered(endpoint=endpoint, attempt=attempt + 1, most=most, since=since)


def note_answer(endpoint: str) -> None:
    """Note that a store answered."""
    _unanswered.pop(endpoint, None)
