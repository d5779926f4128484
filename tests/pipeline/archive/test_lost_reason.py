"""The shard of a lost image: a column, and in older archives the end of a sentence."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.archive.lost_reason import lost_reason, with_legacy_lost_shard

SHARD = "shards/run/000001-0123456789abcdef.parquet"
OTHER = "shards/run/000002-0123456789abcdef.parquet"
REASONS = [
    lost_reason("the source file is no longer there", SHARD),
    lost_reason("it said:\nlost: by others; it was in pieces", SHARD),
    "not an image; it was in disguise",
    "lost: somehow",
    None,
]


@pytest.mark.parametrize("kind", [pa.table, pa.record_batch])
class TestWithLegacyLostShard:
    def test_without_the_column_the_sentence_tells(self, kind: type) -> None:
        rows = with_legacy_lost_shard(kind({"reason": pa.array(REASONS)}))
        assert rows["lost_shard"].to_pylist() == [SHARD, SHARD, None, None, None]

    def test_the_column_counts_where_it_says_something(self, kind: type) -> None:
        column = pa.array([OTHER, None, None, None, None], pa.string())
        rows = with_legacy_lost_shard(kind({"lost_shard": column, "reason": pa.array(REASONS)}))
        assert rows.schema.names == ["lost_shard", "reason"]
        assert rows["lost_shard"].to_pylist() == [OTHER, SHARD, None, None, None]
