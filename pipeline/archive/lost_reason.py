"""What the row of a lost image says: why it did not come back, and in which shard it was.

The shard is a column, `lost_shard`. Releases before that column wrote it only at the end of the sentence for people.
"""

from __future__ import annotations

from typing import Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

LOST_SHARD: Final = "lost_shard"
_WITHOUT_COLUMN: Final = r"(?s)^lost: .*; it was in (?P<shard>.*)$"

ColumnsT = TypeVar("ColumnsT", pa.Table, pa.RecordBatch)


def lost_reason(why: str, shard: str) -> str:
    """The sentence for people: why an image did not come back, and the shard that would bring it back."""
    return f"lost: {why}; it was in {shard}"


def with_legacy_lost_shard(rows: ColumnsT) -> ColumnsT:
    """Rows of a shard or of the catalogue with `lost_shard`, taken from the sentence where the column has nothing.

    This is the only place that reads the sentence.

    Args:
        rows: with the column `reason`, as plain strings.
    """
    named = pc.struct_field(pc.extract_regex(rows["reason"], _WITHOUT_COLUMN), "shard")
    at = rows.schema.get_field_index(LOST_SHARD)
    if at < 0:
        return rows.append_column(LOST_SHARD, named)
    return rows.set_column(at, rows.schema.field(at), pc.coalesce(rows[LOST_SHARD], named))
