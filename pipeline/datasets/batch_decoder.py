"""Rows of shards become arrays in the form that a dataset asks for; one that cannot costs no other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from codec.contract import as_rgb
from codec.errors import CodecError
from pipeline.datasets.item_form import ItemForm
from pipeline.decode.row_decoder import RowDecoder
from pipeline.errors import ArchiveError, TenfoldError
from pipeline.store.storage import Storage
from pipeline.types import WITH_PIXELS, ShardRow

Array = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
"""(H, W, 3) pixels, or (C, h, w) latents."""


class BatchDecoder:
    """Decodes on one device. Safe to use from several threads."""

    def __init__(self, archive: Storage, form: ItemForm, *, device: str) -> None:
        """Load and contact nothing yet."""
        self._rows = RowDecoder(archive, device=device)
        self._form = form

    def decode(self, rows: Sequence[ShardRow]) -> list[Array | ArchiveError]:
        """What each row shows, or why it shows nothing.

        Raises:
            StorageError: weights are needed that cannot be read, whatever the image.
        """
        found: dict[int, Array | ArchiveError] = {}
        together = [number for number, row in enumerate(rows) if self._goes_together(row)]
        found.update(zip(together, self._decode_together([rows[number] for number in together]), strict=True))
        return [
            found[number] if number in found else self._decode_alone(row) for number, row in enumerate(rows)
        ]

    def _goes_together(self, row: ShardRow) -> bool:
        """Whether it costs less beside others."""
        return self._form.is_latents or (self._form.is_whole and row.status in WITH_PIXELS)

    def _decode_together(self, rows: Sequence[ShardRow]) -> list[Array | ArchiveError]:
        try:
            if self._form.is_latents:
                return list(self._rows.first_latents(rows, self._form.channels))
            images = self._rows.decode(rows, decoder=self._form.decoder)
            return [_own(as_rgb(image.pixels)) for image in images]
        except (TenfoldError, CodecError) as error:
            if len(rows) == 1:
                return [_of(rows[0], error)]
            return [outcome for row in rows for outcome in self._decode_together([row])]

    def _decode_alone(self, row: ShardRow) -> Array | ArchiveError:
        try:
            opened = self._rows.open(row, decoder=self._form.decoder)
            if self._form.is_whole:
                return _own(as_rgb(opened.whole()))
            return _own(as_rgb(opened.view(size=self._form.size, region=self._form.region).pixels))
        except (TenfoldError, CodecError) as error:
            return _of(row, error)


def _own(pixels: npt.NDArray[np.uint8]) -> Array:
    """Pixels that may be written to."""
    return pixels if pixels.flags.writeable and pixels.flags.owndata else pixels.copy()


def _of(row: ShardRow, error: TenfoldError | CodecError) -> ArchiveError:
    """What is wrong, with the key of the image.

    Raises:
        StorageError: it is no fault of the image.
    """
    if isinstance(error, OSError):
        raise error
    if isinstance(error, ArchiveError) and repr(row.key) in str(error):
        return error
    wrapped = ArchiveError(f"Expected to decode the image {row.key!r}, got: {error}")
    wrapped.__cause__ = error
    return wrapped
