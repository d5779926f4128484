"""The worker that makes small pictures of images that have none. Plain Python; Ray only wraps it (ray_pool.py)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import PIL.Image

from codec.errors import CodecError
from pipeline.archive.albums import SmallPicture, read_album, write_album
from pipeline.archive.layout import album_path
from pipeline.archive.schema import rows_of
from pipeline.archive.shards import iter_rows
from pipeline.decode.row_decoder import RowDecoder
from pipeline.errors import DamagedError, StorageError, TenfoldError
from pipeline.image.preview import small_picture_of, thumbhash_of, webp_within
from pipeline.image.read import ReadLimits
from pipeline.preview.tasks import PreviewResult, PreviewTask
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, ShardRow
from pipeline.workers.pool import Worker


class PreviewWorker(Worker[PreviewTask, PreviewResult]):
    """Holds the codecs it has met, and one shard at a time."""

    def __init__(self, archive: Storage, limits: ReadLimits) -> None:
        """Take the archive, and how large a kept file may be to be opened."""
        self._archive = archive
        self._limits = limits
        self._decoder = RowDecoder(archive, device="cpu")

    def run(self, task: PreviewTask) -> PreviewResult:
        """Do one task. An album that is whole and lacks nothing is only read.

        Raises:
            StorageError: the store does not answer.
            NewerFormatError: the shard or its album was written by a release that is too new.
        """
        held, mended = self._album(task.shard)
        there = {picture.row for picture in held}
        missing = [row for row in rows_of(task.rows, CatalogueRow) if row.row not in there]
        if not missing:
            return PreviewResult()
        try:
            made = self._made(task.shard, missing)
        except DamagedError as error:
            return PreviewResult(problem=str(error))
        unseen = sum(picture.thumbhash is None for picture in made)
        return PreviewResult(
            made=len(made) - unseen,
            unseen=unseen,
            num_bytes=self._write(task.shard, [*held, *made]),
            mended=mended,
        )

    def _album(self, shard: str) -> tuple[list[SmallPicture], bool]:
        """What is there, and whether it is to be made again because it is damaged."""
        try:
            return read_album(self._archive, shard), False
        except DamagedError:
            return [], True

    def _made(self, shard: str, missing: Sequence[CatalogueRow]) -> list[SmallPicture]:
        rows = iter_rows(self._archive, shard, only=[row.row for row in missing])
        return [self._small(number, row) for number, row in rows]

    def _small(self, number: int, row: ShardRow) -> SmallPicture:
        try:
            picture = self._picture(row)
            webp = webp_within(picture, len(row.payload or b""))
            return SmallPicture(row=number, key=row.key, thumbhash=thumbhash_of(picture), preview=webp)
        except StorageError:
            raise
        except (TenfoldError, CodecError, OSError, ValueError, MemoryError):
            return SmallPicture(row=number, key=row.key, thumbhash=None, preview=None)

    def _picture(self, row: ShardRow) -> PIL.Image.Image:
        opened = self._decoder.open(row, limits=self._limits)
        return small_picture_of(opened, alpha=opened.alpha, icc=opened.icc, orientation=opened.orientation)

    def _write(self, shard: str, pictures: Sequence[SmallPicture]) -> int:
        """Put the album there, unless its shard is gone: what was removed must not come back as a small picture."""
        num_bytes = write_album(self._archive, shard, pictures)
        if self._archive.exists(shard):
            return num_bytes
        with contextlib.suppress(FileNotFoundError):
            self._archive.delete(album_path(shard))
        return 0
