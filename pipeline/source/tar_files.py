"""Tars of a source: their members by name, read by one range each where the tar is not compressed.

A compressed tar has no ranges: it is unpacked into a temporary file, once a process, and read from there.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tempfile
import threading
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

import pyarrow as pa

from pipeline.errors import StorageError
from pipeline.source.tar_index import Member, TarIndex, member_bytes, read_index
from pipeline.source.tar_names import compression_of
from pipeline.store.failures import missing, problem, short_read
from pipeline.store.options import StorageOptions
from pipeline.store.range_file import open_object
from pipeline.store.storage import Storage
from pipeline.store.urls import split_url

_HEADER_BUFFER: Final = 2**20
"""Read around a header: small members come with it, large ones are leapt over."""
_CHUNK: Final = 2**20
_HELD: Final = 2
"""Unpacked tars that a process keeps."""
_DAMAGED: Final = (EOFError, OSError, zlib.error, lzma.LZMAError, pa.ArrowException)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class _Tar:
    """One tar, open for reading."""

    index: TarIndex
    unpacked: BinaryIO | None
    """A temporary file, for a compressed one."""


class TarFiles:
    """Tars by URL. May be used by many threads."""

    def __init__(self, options: StorageOptions, storage: Callable[[str], Storage]) -> None:
        """Open nothing yet.

        Args:
            storage: gives the store at a root.
        """
        self._options = options
        self._storage = storage
        self._held: OrderedDict[str, _Tar] = OrderedDict()
        self._lock = threading.Lock()

    def index(self, tar: str) -> TarIndex:
        """What lies in a tar.

        Raises:
            FileNotFoundError, StorageError: it cannot be read.
        """
        return self._tar(tar).index

    def read(self, tar: str, name: str, member: Member | None, url: str) -> bytes:
        """The bytes of a member.

        Args:
            member: where it lies; None if that must be looked up.
            url: its URL, for messages.
        Raises:
            FileNotFoundError: the tar has no such member.
            StorageError: it cannot be read.
        """
        member = member or self.index(tar).members.get(name)
        if member is None:
            raise missing(url, "no such member in the tar")
        return member_bytes(self._range(tar, member.offset, member.length), name, url)

    def head(self, tar: str, member: Member, length: int) -> bytes:
        """The first bytes of a member that is stored as it is."""
        start = member.offset + member.length - member.size
        return self._range(tar, max(start, member.offset), min(length, member.size))

    def _range(self, tar: str, offset: int, length: int) -> bytes:
        if compression_of(tar) is None:
            root, path = split_url(tar)
            return self._storage(root).read_range(path, offset, length)
        held = self._tar(tar)  # as long as it is read from
        data = os.pread(held.unpacked.fileno(), length, offset) if held.unpacked is not None else b""
        if len(data) != length:
            raise short_read(tar, offset=offset, length=length, got=len(data))
        return data

    def _tar(self, url: str) -> _Tar:
        with self._lock:
            tar = self._held.get(url)
            if tar is None:
                tar = self._held[url] = self._open(url)
                while len(self._held) > _HELD:
                    self._held.popitem(last=False)
            self._held.move_to_end(url)
            return tar

    def _open(self, url: str) -> _Tar:
        compression = compression_of(url)
        if compression is None:
            with open_object(url, self._options, buffer_bytes=_HEADER_BUFFER) as file:
                size = file.seek(0, io.SEEK_END)
                file.seek(0)
                return _Tar(index=read_index(cast("BinaryIO", file), size), unpacked=None)
        unpacked = tempfile.TemporaryFile(prefix="tenfold-tar-")  # noqa: SIM115 held as long as its index
        with open_object(url, self._options) as file:
            damage = _unpack(file, compression, unpacked, url)
        size = unpacked.seek(0, io.SEEK_END)
        unpacked.seek(0)
        index = read_index(cast("BinaryIO", unpacked), size)
        index.damage = damage or index.damage
        tar = _Tar(index=index, unpacked=cast("BinaryIO", unpacked))
        weakref.finalize(tar, unpacked.close)
        return tar


def _unpack(file: io.BufferedReader, compression: str, out: Any, url: str) -> str | None:
    """Unpack what can be; say why where that is not all."""
    try:
        stream: Any = _decompressed(file, compression)
        while chunk := stream.read(_CHUNK):
            try:
                out.write(chunk)
                out.flush()
            except OSError as error:
                raise problem(
                    expected=f"room for an unpacked tar in {tempfile.gettempdir()}",
                    got=error.strerror or type(error).__name__,
                    where=url,
                    do="let TMPDIR name a larger disk, or unpack the tar and name the folder",
                ) from error
    except StorageError:
        raise
    except _DAMAGED as error:
        return f"its {compression} data are damaged or end early: {error}"
    return None


def _decompressed(file: io.BufferedReader, compression: str) -> Any:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=file)
    if compression == "bz2":
        return bz2.BZ2File(file)
    if compression == "xz":
        return lzma.LZMAFile(file)
    return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), compression)
