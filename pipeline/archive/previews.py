"""The small pictures of images, a page of them at a time: they lie side by side, apart from the payloads.

Most lie in the shard of their image; those that were made later, in its album.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

import google_crc32c

from pipeline.archive.albums import read_from_album
from pipeline.archive.range_reads import ByteSpan, HeldSpans, spans_of
from pipeline.errors import DamagedError, NewerFormatError
from pipeline.store.shared_threads import shared_threads
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow


def read_previews(archive: Storage, rows: Sequence[CatalogueRow]) -> Iterator[bytes | None]:
    """The preview of each image as a WebP file, in the order of the rows; None where there is none to show.

    Neighbours come in one range read for each shard that they lie in (of an album, three), and all reads are under way
    at the same time. A preview that is not what was written is as one that is not there: `tenfold verify` tells of it.

    Args:
        rows: a page of the catalogue. What is read is held until the last preview is given.
    Raises:
        StorageError: the store does not answer.
    """
    spans = [spans_of(row, ("preview",)).get("preview") for row in rows]
    in_shards: defaultdict[str, list[ByteSpan]] = defaultdict(list)
    in_albums: defaultdict[str, list[int]] = defaultdict(list)
    for row, span in zip(rows, spans, strict=True):
        if span is not None:
            in_shards[row.shard].append(span)
        elif row.status != "failed":
            in_albums[row.shard].append(row.row)
    held = HeldSpans(archive, in_shards)
    albums = {
        shard: shared_threads().submit(_in_album, archive, shard, numbers)
        for shard, numbers in in_albums.items()
    }
    for row, span in zip(rows, spans, strict=True):
        if span is not None:
            data = held.bytes_at(row.shard, *span)
            yield data if google_crc32c.value(data) == row.preview_crc32c else None
        else:
            yield albums[row.shard].result().get(row.key) if row.shard in albums else None


def _in_album(archive: Storage, shard: str, rows: Collection[int]) -> dict[str, bytes]:
    """Previews by key; an album that is damaged has none."""
    try:
        pictures = read_from_album(archive, shard, rows)
    except (DamagedError, NewerFormatError):
        return {}
    return {picture.key: picture.preview for picture in pictures if picture.preview is not None}
