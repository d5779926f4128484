"""The bytes of many images' files: neighbours fetched in one request, decoded in batches, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from codec.errors import CodecError
from pipeline.archive.range_reads import read_all
from pipeline.decode.row_decoder import PIXELS_TOGETHER, RowDecoder
from pipeline.errors import DamagedError, StorageError, TenfoldError
from pipeline.files.file_entry import PictureForm, file_entry
from pipeline.files.stored_png import write_stored_png
from pipeline.image.generated import marked_generated
from pipeline.image.write import alpha_plane
from pipeline.packing.file_of import file_of
from pipeline.parts import parts
from pipeline.store.storage import Storage
from pipeline.types import WITH_PIXELS, CatalogueRow, Image, ShardRow

Found = tuple[str, bytes | Exception]
"""A key, and its file or why that cannot be had."""


class Contents:
    """Makes the files of one archive's images. Safe to use from several threads."""

    def __init__(self, archive: Storage, *, device: str) -> None:
        """Load and contact nothing yet.

        Args:
            archive: where images and weights are read.
            device: `auto`, `cpu`, `cuda`, ...: where codecs are loaded.
        """
        self._archive = archive
        self._decoder = RowDecoder(archive, device=device)

    def forget_decoder(self, decoder: str) -> None:
        """See anew what the archive keeps of a decoder."""
        self._decoder.forget_decoder(decoder)

    def files(self, rows: Iterable[CatalogueRow], form: PictureForm) -> Iterator[Found]:
        """The files of images, in the order in which they lie in the archive.

        Args:
            rows: of images that are not failed.
            form: of pictures.
        Raises:
            StorageError: the store does not answer.
        """
        read = read_all(self._archive, rows)
        for part in parts(read, lambda one: one[0].num_pixels, most=PIXELS_TOGETHER):
            made = iter(self._made([got for _, got in part if not isinstance(got, str)], form))
            for row, got in part:
                yield (
                    row.key,
                    DamagedError(got)
                    if isinstance(got, str)
                    else self._of_promised_size(row, next(made), form),
                )

    def _made(self, rows: Sequence[ShardRow], form: PictureForm) -> list[bytes | Exception]:
        """Files of some images together; should one of them fail, of each by itself.

        Raises:
            StorageError: the archive does not answer, whatever the image.
        """
        try:
            images = self._images([row for row in rows if row.status in WITH_PIXELS], form)
            return [_png(next(images)) if row.status in WITH_PIXELS else file_of(row) for row in rows]
        except StorageError:
            raise
        except (TenfoldError, CodecError) as error:
            return [error] if len(rows) == 1 else [file for row in rows for file in self._made([row], form)]

    def _images(self, rows: Sequence[ShardRow], form: PictureForm) -> Iterator[Image]:
        if form.size is None:
            return iter(self._decoder.decode(rows, decoder=form.decoder))
        return (self._decoder.open(row, decoder=form.decoder).view(size=form.size) for row in rows)

    def _of_promised_size(
        self, row: CatalogueRow, file: bytes | Exception, form: PictureForm
    ) -> bytes | Exception:
        """Who was told a length relies on it."""
        promised = file_entry(row, form)
        if isinstance(file, Exception) or promised is None or len(file) == promised.size:
            return file
        return DamagedError(
            f"Expected a file of {promised.size:,} bytes for {row.key!r}, as the catalogue tells, got {len(file):,}: "
            "catalogue and shard do not belong together. `tenfold verify` says more."
        )


def _png(image: Image) -> bytes:
    pixels = image.pixels
    if image.alpha is not None:
        pixels = np.dstack([pixels, alpha_plane(image.alpha, image.height, image.width)])
    by = image.generated_by
    # of a length that is known before it is read
    xmp = image.xmp if by is None else marked_generated(None, by)
    return write_stored_png(pixels, icc=image.icc, exif=image.exif, xmp=xmp)
