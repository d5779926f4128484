"""The archive's past: every commit is a version, and every version can be read until it is pruned.

Version 0 is the empty archive; each commit of a run makes the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.archive.delta_log import commit_info
from pipeline.archive.layout import entry_path
from pipeline.errors import ArchiveError, ConfigError

AsOf = int | datetime
"""A version by its number, or the newest one at a time (with a time zone)."""
_FACTS = ("status", "reason", "quality", "payload_length", "psnr_db", "source_size", "run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version, and what its commit did."""

    version: int
    committed_at: datetime
    """By the clock of the machine that committed."""
    run: str | None
    """The run that committed, if one did."""
    operation: str
    """What Delta calls it: `CREATE TABLE`, `MERGE`, ..."""
    added: int
    """Images that came in."""
    changed: int
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One image that two versions hold differently."""

    key: str
    change: Literal["added", "removed", "changed"]
    before: dict[str, Any] | None
    """Status, reason, quality, sizes and run in the older version; None when it was not there."""
    after: dict[str, Any] | None


CHANGE_COLUMNS = ("key", *_FACTS)
"""What changes are made of, in both versions."""
TELLS_ENCODINGS = ("encoded_at", "run", "payload_crc32c")
"""Columns that differ between two encodings of an image. What rm or repair moved into another shard is the same one."""


def parse_as_of(text: str) -> AsOf:
    """A version as a person writes it: `12`, `2026-11-20` (its end), `2026-11-20T03:00` or with `Z`, `+01:00`.

    Times without a zone are UTC.

    Raises:
        ConfigError: it is neither a number nor a time.
    """
    if text.isascii() and text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"Expected a version's number or a time such as 2026-11-20 or 2026-11-20T03:00, got {text!r}; "
            "`tenfold history ARCHIVE` lists the versions."
        ) from None
    if len(text) <= len("2026-11-20"):
        moment = moment.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def check_as_of(as_of: AsOf) -> None:
    """Refuse what names no version.

    Raises:
        ConfigError: it is neither a number of 0 or more, nor a time with a zone.
    """
    is_number = isinstance(as_of, int) and as_of >= 0
    if not is_number and (not isinstance(as_of, datetime) or as_of.tzinfo is None):
        raise ConfigError(
            "Expected as_of to be a version's number, or a time with its zone such as datetime(2026, 11, 20, "
            f"tzinfo=UTC), got {as_of!r}."
        )


def number_of(as_of: AsOf, versions: Sequence[Version], *, url: str) -> int:
    """The number of the version that is meant.

    Args:
        versions: all there are, the newest first.
    Raises:
        ArchiveError: there is no such version.
    """
    numbers = [version.version for version in versions]
    newest, oldest = versions[0], versions[-1]
    if isinstance(as_of, int):
        if as_of in numbers:
            return as_of
        pruned = f" Those before {oldest.version} were pruned." if as_of < oldest.version else ""
        raise ArchiveError(
            f"Expected a version from {oldest.version} to {newest.version} of the archive at {url}, got {as_of}."
            f"{pruned} `tenfold history {url}` lists them."
        )
    for version in versions:
        if version.committed_at <= as_of:
            return version.version
    raise ArchiveError(
        f"Expected a time from {oldest.committed_at:%Y-%m-%dT%H:%M:%SZ} on, when the oldest version of the archive "
        f"at {url} was made, got {as_of.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}. `tenfold history {url}` lists them."
    )


def version_of(number: int, entry: bytes) -> Version:
    """A version from the entry in the log that made it.

    Raises:
        DamagedError: it is no log entry.
    """
    info = commit_info(entry, entry_path(number))
    metrics = info.get("operationMetrics", {})
    return Version(
        version=number,
        committed_at=datetime.fromtimestamp(info.get("timestamp", 0) / 1000, UTC),
        run=info.get("tenfold.run"),
        operation=info.get("operation", "unknown"),
        added=int(metrics.get("num_target_rows_inserted", 0)),
        changed=int(metrics.get("num_target_rows_updated", 0)),
        removed=int(metrics.get("num_target_rows_deleted", metrics.get("num_deleted_rows", 0))),
    )


def changes_of(rows: Sequence[dict[str, Any]]) -> Iterator[Change]:
    """Changes from joined rows: every column of CHANGE_COLUMNS as `before_...` and `after_...`."""
    for row in rows:
        before, after = (_side(row, name) for name in ("before", "after"))
        yield Change(
            key=row["after_key"] if before is None else row["before_key"],
            change="added" if before is None else "removed" if after is None else "changed",
            before=before,
            after=after,
        )


def _side(row: dict[str, Any], name: str) -> dict[str, Any] | None:
    if row[f"{name}_key"] is None:
        return None
    return {fact: row[f"{name}_{fact}"] for fact in _FACTS}
