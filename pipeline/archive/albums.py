"""Albums: the small pictures of a shard's images that the shard does not hold, in a Parquet file beside it.

An album is a companion (`companions.py`): `previews/<run>/<n>-<sha16>.parquet` belongs to the shard of that name.

Rows are those of the shard, in its order, in small row groups: a page of neighbours is one or two of them. Pages carry
CRCs, which are checked whenever one is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.archive.companions import CompanionKind
from pipeline.archive.layout import album_path
from pipeline.archive.schema import columns_of, rows_of, schema_of
from pipeline.store.range_file import RangeFile
from pipeline.store.storage import Storage

ALBUM: Final = CompanionKind(
    name="album", mark="tenfold.album", version=1, verb="preview", path_of=album_path
)
_ROWS_PER_GROUP: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallPicture:
    """What an album holds of one image."""

    row: int
    """Of the image in the shard."""
    key: str
    thumbhash: bytes | None
    preview: bytes | None
    """WebP, at most 256 pixels a side; null, and the hash too, where there is nothing to see."""

    @property
    def is_seen(self) -> bool:
        """Whether there was something to see."""
        return self.thumbhash is not None


_SCHEMA: Final = schema_of(SmallPicture)


def write_album(archive: Storage, shard: str, pictures: Iterable[SmallPicture]) -> int:
    """Put the album of a shard into the archive, whole, over one that is there; give its length in bytes."""
    ordered = sorted(pictures, key=lambda picture: picture.row)
    schema = _SCHEMA.with_metadata(ALBUM.footer(shard))
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        schema,
        version="2.6",
        compression={name: "NONE" if name in ("thumbhash", "preview") else "ZSTD" for name in _SCHEMA.names},
        use_dictionary=False,
        write_statistics=["row"],
        write_page_checksum=True,
    ) as writer:
        writer.write_table(pa.table(columns_of(ordered, schema), schema), _ROWS_PER_GROUP)
    data: bytes = sink.getvalue().to_pybytes()
    archive.write(album_path(shard), data)
    return len(data)


def read_album(archive: Storage, shard: str) -> list[SmallPicture]:
    """All that the album of a shard holds; nothing where it has none.

    Raises:
        DamagedError: its bytes are not those that were written.
        NewerFormatError: it was written by a release that is too new.
        StorageError: the store does not answer.
    """
    source = ALBUM.read(archive, shard)
    return [] if source is None else _read(source, shard)


def read_from_album(archive: Storage, shard: str, rows: Collection[int]) -> list[SmallPicture]:
    """What the album of a shard holds of some rows, and of some beside them: little more is read.

    Raises:
        As `read_album`.
    """
    path = album_path(shard)
    try:
        size = archive.size(path)
    except FileNotFoundError:
        return []
    return _read(pa.PythonFile(RangeFile(archive, path, size=size), mode="r"), shard, rows)


def _read(source: pa.NativeFile, shard: str, rows: Collection[int] | None = None) -> list[SmallPicture]:
    """Pictures of the row groups that may hold some rows; of all of them, and then these are what the footer says."""
    with (
        ALBUM.parsing(shard),
        pq.ParquetFile(source, pre_buffer=True, page_checksum_verification=True) as file,
    ):
        ALBUM.check(file.metadata.metadata, shard)
        extents = [_extent(file.metadata.row_group(number)) for number in range(file.num_row_groups)]
        groups = [
            number
            for number, (first, last) in enumerate(extents)
            if rows is None or any(first <= row <= last for row in rows)
        ]
        found = rows_of(file.read_row_groups(groups), SmallPicture) if groups else []
    if rows is None and extents != _extents(found):
        raise ALBUM.damaged(shard, "row groups of other rows than its footer says")
    return found


def _extent(group: pq.RowGroupMetaData) -> tuple[int, int]:
    statistics = group.column(_SCHEMA.get_field_index("row")).statistics
    return statistics.min, statistics.max


def _extents(pictures: Sequence[SmallPicture]) -> list[tuple[int, int]]:
    return [
        (pictures[start].row, pictures[start : start + _ROWS_PER_GROUP][-1].row)
        for start in range(0, len(pictures), _ROWS_PER_GROUP)
    ]
