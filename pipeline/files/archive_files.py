"""The images of one archive as files in folders: what there is, and its bytes. It knows nothing of fsspec."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from threading import Lock
from typing import Final
from weakref import WeakValueDictionary

import pyarrow as pa

from codec.contract import FAITHFUL
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.decoders import stored_decoders
from pipeline.archive.key_index import KeyIndex
from pipeline.archive.schema import rows_of
from pipeline.archive.versions import AsOf
from pipeline.decode.decoder_choice import files_of, generates
from pipeline.decode.view_size import Size
from pipeline.files.contents import Contents, Found
from pipeline.files.file_entry import LISTED, FileEntry, ListedRow, PictureForm, file_entry
from pipeline.files.finished_files import FinishedFiles
from pipeline.files.tree import FolderEntry, Tree
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow

_FINISHED_BYTES: Final = 128 * 2**20
_ROWS_LISTED: Final = 65_536


class ArchiveFiles:
    """The archive as it was committed when first looked at; `refresh` looks again. Safe to use from several threads."""

    def __init__(
        self,
        url: str,
        options: StorageOptions,
        *,
        as_of: AsOf | None,
        size: Size | None,
        decoder: str,
        device: str,
    ) -> None:
        """Contact nothing yet.

        Args:
            url: of the archive.
            options: how to reach its store.
            as_of: a version's number, or a time with its zone; None for the newest.
            size: that pictures are at most to have; None for all pixels.
            decoder: what shows coded images.
            device: where codecs are loaded.
        Raises:
            CodecConfigError: no codec here has such a decoder.
        """
        self._storage = Storage(url, options)
        self.url: Final = self._storage.url
        self._asked = PictureForm(size=size, decoder=decoder, generates=generates(decoder))
        self._index = KeyIndex(Catalogue(self._storage, as_of=as_of))
        self._contents = Contents(self._storage, device=device)
        self._finished = FinishedFiles(_FINISHED_BYTES)

    def refresh(self) -> None:
        """See what has been committed since, and which weights the archive keeps of the decoder."""
        self._index.refresh()
        self.__dict__.pop("_form", None)
        self._contents.forget_decoder(self._asked.decoder)

    @cached_property
    def _form(self) -> PictureForm:
        if self._asked.decoder == FAITHFUL:
            return self._asked
        kept = stored_decoders(self._storage)
        return replace(self._asked, decoder_files=files_of(self._asked.decoder, kept))

    def file(self, key: str) -> FileEntry:
        """What is known of an image's file.

        Raises:
            FileNotFoundError: the archive has no such image, or it failed.
        """
        return self._file(key, self._index.find(key))

    def is_folder(self, path: str) -> bool:
        """Whether keys lie below a path; the root is one."""
        return not path or self._index.has_prefix(f"{path}/")

    def below(self, path: str, *, depth: int | None) -> Iterator[FileEntry | FolderEntry]:
        """What lies in a folder and, to some depth, below it; failed images are passed over.

        Args:
            depth: levels; 1 for what lies directly in it, None for all.
        """
        for found in self._listed(path, depth, LISTED):
            if isinstance(found, FolderEntry):
                yield found
            else:
                files = (file_entry(row, self._form) for row in rows_of(found, ListedRow))
                yield from (file for file in files if file is not None)

    def names(self, path: str, *, depth: int | None) -> Iterator[str | FolderEntry]:
        """The keys of the files that `below` gives, and the folders: an eighth of the work."""
        for found in self._listed(path, depth, ["key", "payload_length"]):
            if isinstance(found, FolderEntry):
                yield found
            else:
                yield from found["key"].filter(found["payload_length"].is_valid()).to_pylist()

    def content(self, key: str) -> bytes:
        """The bytes of one file.

        Raises:
            FileNotFoundError: as `file`.
            DamagedError: the bytes in the archive are not those that were written.
            ArchiveError, CodecError, StorageError: it cannot be decoded here, or not be read.
        """
        ((_, found),) = self.contents([key])
        if isinstance(found, Exception):
            raise found
        return found

    def contents(self, keys: Iterable[str]) -> Iterator[Found]:
        """The bytes of files, or why one cannot be had: those not in the archive first, then as they lie in it.

        Raises:
            StorageError: the store does not answer.
        """
        wanted = dict.fromkeys(keys)
        rows = self._index.find_many(wanted)
        files: dict[str, FileEntry] = {}
        for key in wanted:
            try:
                files[key] = self._file(key, rows.get(key))
            except FileNotFoundError as error:
                yield key, error
                continue
            finished = self._finished.get(key, files[key].etag)
            if finished is not None:
                del rows[key]
                yield key, finished
        for key, found in self._contents.files((rows[key] for key in files if key in rows), self._form):
            if isinstance(found, bytes) and len(wanted) == 1:
                self._finished.put(key, files[key].etag, found)
            yield key, found

    def _listed(
        self, path: str, depth: int | None, columns: Sequence[str]
    ) -> Iterator[FolderEntry | pa.RecordBatch]:
        rows = self._index.rows()
        for found in Tree(rows).below(path, depth=depth):
            if isinstance(found, FolderEntry):
                yield found
            else:
                for start in found.positions[::_ROWS_LISTED]:
                    yield rows.read(range(start, min(start + _ROWS_LISTED, found.positions.stop)), columns)

    def _file(self, key: str, row: CatalogueRow | None) -> FileEntry:
        if row is None:
            raise FileNotFoundError(
                f"Expected an image of the archive at {self.url}, got {key!r}; `tenfold ls {self.url}` lists them all."
            )
        file = file_entry(row, self._form)
        if file is None:
            raise FileNotFoundError(
                f"Expected a stored image under key {row.key!r} of the archive at {self.url}, got one that failed: "
                f"{row.reason} Correct {row.source_url} and compress again."
            )
        return file


_Place = tuple[str, StorageOptions, AsOf | None, Size | None, str, str]
_shared: WeakValueDictionary[_Place, ArchiveFiles] = WeakValueDictionary()
_lock = Lock()


def shared_files(
    url: str, options: StorageOptions, *, as_of: AsOf | None, size: Size | None, decoder: str, device: str
) -> ArchiveFiles:
    """The same for who asks for the same in this process: fsspec makes a filesystem for each thread, and a codec for
    each would not fit."""
    place = (url, options, as_of, size, decoder, device)
    with _lock:
        files = _shared.get(place)
        if files is None:
            files = ArchiveFiles(url, options, as_of=as_of, size=size, decoder=decoder, device=device)
            _shared[place] = files
        return files


def _after_fork() -> None:
    """Another thread of the parent may have held a lock: of these, or of the files."""
    global _lock, _shared
    _lock, _shared = Lock(), WeakValueDictionary()


os.register_at_fork(after_in_child=_after_fork)
