"""Which versions of an archive are kept: the newest ones, without a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.archive.prune_marks import SHORTEST_GRACE
from pipeline.archive.versions import Version
from pipeline.errors import ConfigError
from pipeline.words import duration_words

DEFAULT_GRACE = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What a prune is told. A version goes only if every rule that is given lets it go; without any, all stay."""

    keep_versions: int | None = None
    """How many of the newest versions stay."""
    older_than: timedelta | None = None
    """A version stays if it was the newest at some moment within this time."""
    grace: timedelta = DEFAULT_GRACE
    """Between marking and removal."""

    def __post_init__(self) -> None:
        if self.keep_versions is not None and self.keep_versions < 1:
            raise ConfigError(
                f"Expected at least 1 version to keep, got {self.keep_versions}; the newest always stays."
            )
        if self.older_than is not None and self.older_than <= timedelta():
            raise ConfigError(f"Expected an age above 0 of versions that may go, got {self.older_than}.")
        if self.grace < SHORTEST_GRACE:
            raise ConfigError(
                f"Expected a grace period of at least {duration_words(SHORTEST_GRACE)}, got "
                f"{duration_words(self.grace)}: runs and readers under way rely on what they have seen for that long. "
                f"The default is {duration_words(DEFAULT_GRACE)}."
            )

    def oldest_kept(self, versions: Sequence[Version], now: datetime) -> int:
        """The first version that stays.

        Args:
            versions: all there are, the newest first.
        """
        numbers = [version.version for version in versions]
        allowed = [numbers[0]] if self.keep_versions or self.older_than else [numbers[-1]]
        if self.keep_versions is not None:
            allowed.append(numbers[min(self.keep_versions, len(numbers)) - 1])
        if self.older_than is not None:
            allowed.append(_current_at(now - self.older_than, versions))
        return min(allowed)


def _current_at(moment: datetime, versions: Sequence[Version]) -> int:
    """The version that was the newest then.

    A version cannot be older than those before it: where a clock says so, theirs is believed, and more is kept.
    """
    current = versions[-1].version
    latest = versions[-1].committed_at
    for version in reversed(versions):
        latest = max(latest, version.committed_at)
        if latest <= moment:
            current = version.version
    return current
