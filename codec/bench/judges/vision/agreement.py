"""One number for two sets of which some members meet."""

from __future__ import annotations


def f1(*, found: float, sound: float, there: float, seen: float) -> float:
    """The harmonic mean of precision and recall: 1 where nothing was there and nothing was found.

    Args:
        found: how much was found in the decoded picture.
        sound: how much of that was there.
        there: how much there was in the original.
        seen: how much of that was found.
    """
    if not found and not there:
        return 1.0
    if not sound or not seen:
        return 0.0
    precision, recall = sound / found, seen / there
    return 2.0 * precision * recall / (precision + recall)
