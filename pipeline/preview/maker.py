"""How an image comes into an album."""

from __future__ import annotations

from collections.abc import Sequence

import PIL.Image

from codec.errors import CodecError
from pipeline.archive.albums import ALBUM, SmallPicture, read_album, write_album
from pipeline.decode.row_decoder import RowDecoder
from pipeline.errors import TenfoldError
from pipeline.image.preview import small_picture_of, thumbhash_of, webp_within
from pipeline.image.read import ReadLimits
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, ShardRow


class PreviewMaker:
    """Holds the codecs it has met."""

    kind = ALBUM
    nothing_to_see: tuple[type[Exception], ...] = (TenfoldError, CodecError, OSError, ValueError, MemoryError)

    def __init__(self, archive: Storage, limits: ReadLimits) -> None:
        """Take the archive, and how large a kept file may be to be opened."""
        self._archive = archive
        self._limits = limits
        self._decoder = RowDecoder(archive, device="cpu")

    def can_see(self, row: CatalogueRow) -> bool:
        """Any image may be: only `look` finds out."""
        return True

    def held(self, shard: str) -> list[SmallPicture]:
        """All that the album holds; see `CompanionMaker`."""
        return read_album(self._archive, shard)

    def look(self, number: int, row: ShardRow) -> SmallPicture:
        """Make its small picture; see `CompanionMaker`."""
        picture = self._picture(row)
        webp = webp_within(picture, len(row.payload or b""))
        return SmallPicture(row=number, key=row.key, thumbhash=thumbhash_of(picture), preview=webp)

    def _picture(self, row: ShardRow) -> PIL.Image.Image:
        opened = self._decoder.open(row, limits=self._limits)
        return small_picture_of(opened, alpha=opened.alpha, icc=opened.icc, orientation=opened.orientation)

    def unseen(self, number: int, row: ShardRow) -> SmallPicture:
        """An entry without a picture; see `CompanionMaker`."""
        return SmallPicture(row=number, key=row.key, thumbhash=None, preview=None)

    def write(self, shard: str, entries: Sequence[SmallPicture]) -> int:
        """Write the album; see `CompanionMaker`."""
        return write_album(self._archive, shard, entries)
