"""A store in a local folder: whole files appear at once or not at all, and listings follow key order."""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pipeline.errors import StorageError
from pipeline.store.backend import Notice, ObjectInfo, Page
from pipeline.store.failures import missing, problem, short_read
from pipeline.store.local_failures import explained
from pipeline.store.local_files import is_temporary, link_new, open_regular, sync_folder, write_temporary
from pipeline.store.local_walk import LocalWalk, describe
from pipeline.store.one_object import ReadFailures


class LocalStore:
    """Files below one local folder. Symbolic links are followed (local_walk.py)."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._read_failures = ReadFailures()

    def read(self, path: str) -> bytes:
        """All bytes of a file; one that changes meanwhile is refused, whose bytes could be of two versions."""
        file = self._file(path)
        try:
            with open_regular(file) as stream:
                before = os.fstat(stream.fileno())
                data = stream.readall()
                after = os.fstat(stream.fileno())
        except OSError as error:
            raise self._read_failed(error, file) from error
        self._read_failures.succeeded()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise problem(
                expected="a file that stays as it is while it is read",
                got=f"one that went from {before.st_size:,} to {after.st_size:,} bytes",
                where=file,
                do="wait until it is written",
            )
        if len(data) < after.st_size:
            raise short_read(file, offset=0, length=after.st_size, got=len(data))
        return data

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`."""
        file = self._file(path)
        data = bytearray()
        try:
            with open_regular(file) as stream:
                stream.seek(offset)
                while len(data) < length and (more := stream.read(length - len(data))):
                    data += more  # one read returns at most 2 GiB
        except OSError as error:
            raise self._read_failed(error, file) from error
        self._read_failures.succeeded()
        if len(data) != length:
            raise short_read(file, offset=offset, length=length, got=len(data))
        return bytes(data)

    def write(self, path: str, data: bytes) -> None:
        """Publish a file by renaming a finished one over it."""
        file = self._file(path)
        try:
            temporary = write_temporary(file, data)
            try:
                Path(temporary).replace(file)
            except BaseException:
                Path(temporary).unlink()
                raise
            sync_folder(file)
        except OSError as error:
            raise explained(error, file, needs_folder=True) from error

    def create(self, path: str, data: bytes) -> bool:
        """Publish a file by linking a finished one under its name, which fails when the name is taken."""
        file = self._file(path)
        try:
            temporary = write_temporary(file, data)
            try:
                created = link_new(temporary, file, data)
            finally:
                Path(temporary).unlink(missing_ok=True)
            if created:
                sync_folder(file)
        except OSError as error:
            raise explained(error, file, needs_folder=True) from error
        return created

    def pages(
        self, prefix: str, *, recursive: bool, exclude: frozenset[str], notice: Notice | None
    ) -> Iterator[Page]:
        """Walk in key order, holding the names of one folder per level and nothing more."""
        top = self._file(prefix) if prefix else self._root
        return LocalWalk(top, prefix, recursive=recursive, exclude=exclude, notice=notice).pages()

    def info(self, path: str) -> ObjectInfo:
        """Size and time of a file."""
        file = self._file(path)
        try:
            status = os.stat(file)  # noqa: PTH116 as for scandir: no Path per file
        except OSError as error:
            raise explained(error, file) from error
        if not stat.S_ISREG(status.st_mode):
            raise missing(file, "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file")
        return describe(path, status)

    def delete(self, path: str) -> None:
        """Remove a file; its folder stays."""
        file = self._file(path)
        try:
            Path(file).unlink()
        except OSError as error:
            raise explained(error, file) from error

    def unfinished(self) -> Iterator[ObjectInfo]:
        """Files under their temporary names; links are not followed to any."""
        for folder, _, names in os.walk(self._root):
            for name in filter(is_temporary, names):
                file = os.path.join(folder, name)  # noqa: PTH118 as its folder is
                with suppress(FileNotFoundError):  # it is finished
                    yield describe(os.path.relpath(file, self._root), os.lstat(file))

    def check_readable(self) -> None:
        """See that the folder is there and can be listed."""
        try:
            with os.scandir(self._root):
                pass
        except FileNotFoundError:
            raise problem(
                expected="a folder", got="nothing there", where=self._root, do="check the path"
            ) from None
        except OSError as error:
            raise explained(error, self._root, needs_folder=True) from error

    def check_writable(self) -> None:
        """Write a probe where the folder is, or where it would be made."""
        folder = Path(self._root)
        while not os.path.lexists(folder) and folder != folder.parent:
            folder = folder.parent
        probe = str(folder / f"probe-{uuid.uuid4().hex}")
        try:
            Path(write_temporary(probe, b"tenfold can write here\n")).unlink()
        except FileNotFoundError:
            raise problem(
                expected="a folder that files can be made in",
                got="one that takes none",
                where=str(folder),
                do="choose another place",
            ) from None
        except OSError as error:
            raise explained(error, self._root, needs_folder=True) from error

    def _read_failed(self, error: OSError, file: str) -> OSError:
        worded = explained(error, file)
        if error.errno != errno.EIO or not isinstance(worded, StorageError):
            return worded
        return self._read_failures.judged(worded, self.check_readable)

    def _file(self, path: str) -> str:
        if not path or "\0" in path or path.startswith("/") or ".." in path.split("/"):
            raise problem(
                expected="a relative path inside the folder",
                got=repr(path),
                where=self._root,
                do="no file outside the folder is read or written through it",
            )
        return os.path.join(self._root, path)  # noqa: PTH118 Path would drop `./` and `//`
