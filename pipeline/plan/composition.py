"""What a source is made of, as far as its listing tells: how many files of which format and size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.compress.plan import ImageCount
from pipeline.source.image_names import extension_of
from pipeline.source.source import Source, SourceConfig

_SIZES: Final = (
    (10_000, "under 10 kB"),
    (100_000, "10 to 100 kB"),
    (1_000_000, "100 kB to 1 MB"),
    (10_000_000, "1 to 10 MB"),
    (2**63 - 1, "10 MB or more"),
)
_UNTOLD: Final = "of unknown size"


@dataclass(slots=True, kw_only=True)
class Composition:
    """Counts of a listing; they grow while it goes on."""

    total: ImageCount = field(default_factory=ImageCount)
    by_format: dict[str, ImageCount] = field(default_factory=dict)
    """By the extension of the name, in lower case."""
    by_size: dict[str, ImageCount] = field(default_factory=dict)
    """By the bytes of the file, from small to large; a list may not tell them."""

    def offer(self, batch: pa.RecordBatch) -> None:
        """Take the next part of the listing; it must have `key` and `size`."""
        kinds = pa.array([extension_of(key) for key in batch["key"].to_pylist()], pa.string())
        _count(self.by_format, kinds, batch["size"])
        _count(self.by_size, _size_names(batch["size"]), batch["size"])
        self.total += ImageCount(images=len(batch), bytes=pc.sum(batch["size"]).as_py() or 0)

    def formats(self) -> Mapping[str, ImageCount]:
        """The formats, those with the most bytes first."""
        return dict(sorted(self.by_format.items(), key=lambda one: (-one[1].bytes, -one[1].images, one[0])))

    def sizes(self) -> Mapping[str, ImageCount]:
        """The classes of size that occur, the smallest first."""
        names = [*(name for _, name in _SIZES), _UNTOLD]
        return {name: self.by_size[name] for name in names if name in self.by_size}


class WatchedSource(Source):
    """A source whose listings are shown to somebody as they go by."""

    def __init__(self, config: SourceConfig, watch: Callable[[pa.RecordBatch], None]) -> None:
        """Take what is shown each batch of LISTING."""
        super().__init__(config)
        self._watch = watch

    def batches(self) -> Iterator[pa.RecordBatch]:
        """As `Source.batches`."""
        for batch in super().batches():
            self._watch(batch)
            yield batch


def _size_names(sizes: pa.Array) -> pa.Array:
    conditions = [pc.less(sizes, below) for below, _ in _SIZES]
    names = [pa.scalar(name) for _, name in _SIZES]
    return pc.case_when(pc.make_struct(*conditions), *names, pa.scalar(_UNTOLD))


def _count(counts: dict[str, ImageCount], kinds: pa.Array, sizes: pa.Array) -> None:
    sums = (
        pa.table({"kind": kinds, "size": sizes})
        .group_by("kind")
        .aggregate([("size", "sum"), ("kind", "count")])
    )
    for row in sums.to_pylist():
        kind = row["kind"]
        counts[kind] = counts.get(kind, ImageCount()) + ImageCount(
            images=row["kind_count"], bytes=row["size_sum"] or 0
        )
