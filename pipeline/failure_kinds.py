"""Why images fail, in a handful of words: what counts of failures are kept by. The reason itself is a sentence."""

from __future__ import annotations

from typing import Final, Literal

FailureKind = Literal["missing", "unreadable", "changed", "worker_died", "lost", "other"]
_BEGINNINGS: Final[dict[str, FailureKind]] = {
    "the source file is no longer there": "missing",
    "the source file could not be read": "unreadable",
    "the source now holds another version": "changed",
    "its worker died": "worker_died",
    "lost: ": "lost",
}


def failure_kind(reason: str) -> FailureKind:
    """The kind of a reason, which its first words tell."""
    return next((kind for words, kind in _BEGINNINGS.items() if reason.startswith(words)), "other")
