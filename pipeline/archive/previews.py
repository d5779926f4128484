"""The small pictures of images, a page of them at a time: they lie side by side in a shard, apart from the payloads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import google_crc32c

from pipeline.archive.range_reads import HeldSpans, Span, spans_of
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow


def read_previews(archive: Storage, rows: Sequence[CatalogueRow]) -> Iterator[bytes | None]:
    """The preview of each image as a WebP file, in the order of the rows; None where there is none to show.

    Neighbours come in one range read for each shard that they lie in, and all reads are under way at the same time. A
    preview that is not what was written is as one that is not there: `tenfold verify` tells of it.

    Args:
        rows: a page of the catalogue. What is read is held until the last preview is given.
    Raises:
        StorageError: the store does not answer.
    """
    spans = [spans_of(row, ("preview",)).get("preview") for row in rows]
    wanted: defaultdict[str, list[Span]] = defaultdict(list)
    for row, span in zip(rows, spans, strict=True):
        if span is not None:
            wanted[row.shard].append(span)
    held = HeldSpans(archive, wanted)
    for row, span in zip(rows, spans, strict=True):
        data = b"" if span is None else held.bytes_at(row.shard, *span)
        yield data if data and google_crc32c.value(data) == row.preview_crc32c else None
