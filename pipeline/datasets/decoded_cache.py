"""A folder of decoded images: what was decoded once, for the epochs and processes that come after.

    DIR/3f/3fa0...c2.array      one array as NumPy writes it, and the CRC32C of that
    DIR/part/...                what is being written

A file is named by all that its content depends on: which row of which shard (those never change; of rows that share a
payload one may be grey, and one have alpha), and the form in which it was decoded. So nothing in it can be stale, an
image that is compressed anew has another name, and any number of processes, datasets and archives may share a folder. A
file appears whole; one whose CRC is wrong, after a crash of the machine, is made again. There is no lock and no index,
and any file may be deleted at any time.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final
from uuid import uuid4

import google_crc32c
import numpy as np

from pipeline.datasets.batch_decoder import Array
from pipeline.datasets.item_form import ItemForm
from pipeline.decode.decoder_choice import shown_by
from pipeline.store.urls import folder_here
from pipeline.types import CatalogueRow

_LOG: Final = logging.getLogger(__name__)
_FORMAT: Final = 2
"""Another number makes other names."""
_CRC_BYTES: Final = 4
_ABANDONED_S: Final = 3600
_LEAST_FREE: Final = 0.05
"""Of the disk: what does not fit beside that is not kept. Nothing is removed for it: an epoch needs every image once,
so what makes room would be needed as soon as what takes it."""


class DecodedCache:
    """Safe to use from several threads and processes; can be pickled."""

    def __init__(
        self, folder: str | os.PathLike[str], form: ItemForm, *, decoder_files: Sequence[str] = ()
    ) -> None:
        """Make the folder unless it is there, and remove what processes that died left half written.

        Args:
            folder: on a local disk.
            form: of what is kept.
            decoder_files: what the archive keeps of the form's decoder (pipeline/decode/decoder_choice.py).
        Raises:
            OSError: the folder cannot be made, or is a URL.
        """
        self._folder, self._form = folder_here(folder).absolute(), form
        self._shown_by = shown_by(form.decoder, decoder_files)
        self._part_folder = self._folder / "part"
        self._is_reported = False
        self._part_folder.mkdir(parents=True, exist_ok=True)
        for path in self._part_folder.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - _ABANDONED_S:
                    path.unlink()

    def read(self, row: CatalogueRow) -> Array | None:
        """The image, if it is there and whole."""
        try:
            data = self._path(row).read_bytes()
        except OSError:
            return None
        content, crc = data[:-_CRC_BYTES], data[-_CRC_BYTES:]
        if crc != _crc_of(content):
            return None
        array: Array = np.load(io.BytesIO(content), allow_pickle=False)
        return array

    def write(self, row: CatalogueRow, array: Array) -> None:
        """Keep an image. A disk that takes no more is told of once, and does no harm."""
        stream = io.BytesIO()
        np.save(stream, array, allow_pickle=False)
        content = stream.getvalue()
        unfinished, path = self._part_folder / str(uuid4()), self._path(row)
        try:
            disk = shutil.disk_usage(self._folder)
            if disk.free - len(content) < _LEAST_FREE * disk.total:
                self._tell(f"less than {_LEAST_FREE:.0%} of its disk are free")
                return
            unfinished.write_bytes(content + _crc_of(content))
            path.parent.mkdir(exist_ok=True)
            unfinished.replace(path)
        except OSError as error:
            self._tell(str(error))
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def _path(self, row: CatalogueRow) -> Path:
        content = (row.shard, row.row, row.payload_crc32c)
        form = (self._form.size, self._form.region, self._form.latents)
        identity = repr((_FORMAT, content, form, *self._shown_by)).encode()
        name = blake2b(identity, digest_size=16).hexdigest()
        return self._folder / name[:2] / f"{name}.array"

    def _tell(self, why: str) -> None:
        if not self._is_reported:
            self._is_reported = True
            _LOG.warning("Decoded images are no longer kept in %s: %s.", self._folder, why)


def _crc_of(content: bytes) -> bytes:
    crc: int = google_crc32c.value(content)
    return crc.to_bytes(_CRC_BYTES)
