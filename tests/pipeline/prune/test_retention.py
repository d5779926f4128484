"""Which versions stay: the newest ones without a gap, and more where clocks disagree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.archive.versions import Version
from pipeline.errors import ConfigError
from pipeline.prune.retention import Retention
from pipeline.words import duration_words, parse_duration

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def history(days_ago: Sequence[float], *, first: int = 0) -> list[Version]:
    """Versions from `first` on, committed so many days ago; the newest first."""
    made = [
        Version(
            version=number,
            committed_at=NOW - timedelta(days=days),
            run=None,
            operation="MERGE",
            added=0,
            changed=0,
            removed=0,
        )
        for number, days in enumerate(days_ago, first)
    ]
    return made[::-1]


def kept(
    days_ago: Sequence[float], *, first: int = 0, days: float | None = None, keep: int | None = None
) -> int:
    age = None if days is None else timedelta(days=days)
    return Retention(keep_versions=keep, older_than=age).oldest_kept(history(days_ago, first=first), NOW)


def test_all_without_a_rule() -> None:
    assert kept([9, 8, 7]) == 0
    assert kept([9, 8, 7], first=5) == 5


@pytest.mark.parametrize(("keep", "oldest"), [(1, 8), (2, 7), (4, 5), (9, 5)])
def test_a_number(keep: int, oldest: int) -> None:
    assert kept([9, 8, 7, 1], first=5, keep=keep) == oldest


@pytest.mark.parametrize(
    ("days", "oldest"),
    [(0.5, 3), (1, 3), (1.5, 2), (7, 2), (7.5, 1), (8, 1), (8.5, 0), (9, 0), (99, 0)],
)
def test_an_age_keeps_what_was_current_then(days: float, oldest: int) -> None:
    assert kept([9, 8, 7, 1], days=days) == oldest


def test_both_must_let_go() -> None:
    assert kept([9, 8, 7, 1], days=1, keep=3) == 1
    assert kept([9, 8, 7, 1], days=8, keep=1) == 1


def test_clocks_that_are_wrong_keep_more() -> None:
    assert kept([40, 35, 2, 3000], days=30) == 1, (
        "the last commit is said to be years old: the one before is not"
    )
    assert kept([40, -3000, 35, 31], days=30) == 0, "one from the future hides the age of those after it"


@pytest.mark.parametrize(
    ("text", "span"),
    [("30d", timedelta(days=30)), ("12h", timedelta(hours=12)), (" 90m ", timedelta(minutes=90))],
)
def test_spans(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span
    assert duration_words(span) == text.strip()


@pytest.mark.parametrize(
    "text", ["", "0d", "-1d", "1", "d", "1.5h", "1w", "1 d", "99999d", "999999999999d", "٣d"]
)
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(ConfigError, match="Expected a span of time such as 30d, 12h or 90m"):
        parse_duration(text)
