"""Which images of an archive are wanting a preview, and how many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.image.preview import FEWEST_BYTES

COUNTED: Final = ("preview_length", "payload_length", "width", "height")
"""The columns from which they are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The images of an archive, by whether they have a preview."""

    images: int = 0
    """The failed ones included."""
    stored: int = 0
    """Their preview lies in their shard."""
    small: int = 0
    """They need none."""
    wanting: int = 0
    """They should have one, in their album."""
    megapixels: float = 0.0
    """Of those that are wanting one."""

    @classmethod
    def of(cls, rows: pa.RecordBatch) -> Counts:
        """From rows that have `COUNTED`."""
        wanting = is_wanting(rows)
        has_one = pc.is_valid(rows["preview_length"])
        is_small = pc.and_(pc.less(rows["payload_length"], FEWEST_BYTES), pc.invert(has_one))
        pixels = pc.sum(pc.multiply(rows["width"], rows["height"]).filter(wanting)).as_py() or 0
        return cls(
            images=len(rows),
            stored=pc.sum(has_one).as_py() or 0,
            small=pc.sum(is_small).as_py() or 0,
            wanting=pc.sum(wanting).as_py() or 0,
            megapixels=pixels / 1e6,
        )

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            images=self.images + other.images,
            stored=self.stored + other.stored,
            small=self.small + other.small,
            wanting=self.wanting + other.wanting,
            megapixels=self.megapixels + other.megapixels,
        )


def is_wanting(rows: pa.Table | pa.RecordBatch) -> pa.ChunkedArray | pa.Array:
    """Which images have no preview in their shard, and should have one; of a failed image there is nothing to show."""
    is_large = pc.fill_null(pc.greater_equal(rows["payload_length"], FEWEST_BYTES), False)
    return pc.and_(is_large, pc.is_null(rows["preview_length"]))
