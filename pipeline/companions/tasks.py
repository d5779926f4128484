"""What the driver and the workers that make companions say to each other."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompanionTask:
    """See that some images of one shard are in its companion."""

    shard: str
    rows: pa.Table
    """CATALOGUE_SCHEMA: those images, at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionResult:
    """What came of it, or of several tasks together."""

    made: int = 0
    there: int = 0
    """Images whose companion had it already."""
    unseen: int = 0
    """Images in which there is nothing to see."""
    mended: int = 0
    """Companions that were damaged, and were made again."""
    num_bytes: int = 0
    """Of the files that were written."""
    problem: str | None = None
    """Why the shard gives no images."""

    def __add__(self, other: CompanionResult) -> CompanionResult:
        """The counts of both; problems are of one shard, and are lost."""
        return CompanionResult(
            made=self.made + other.made,
            there=self.there + other.there,
            unseen=self.unseen + other.unseen,
            mended=self.mended + other.mended,
            num_bytes=self.num_bytes + other.num_bytes,
        )
