"""A store in a local folder: whole files appear at once or not at all, and listings follow key order."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.store.backend import ObjectInfo
from pipeline.store.failures import missing, problem, short_read
from pipeline.store.local_failures import explained
from pipeline.store.local_files import link_new, open_regular, sync_folder, write_temporary

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LocalStore:
    """Files below one local folder. Symbolic links are followed, loops of them are not."""

    def __init__(self, root: str) -> None:
        self._root = root

    def read(self, path: str) -> bytes:
        """All bytes of a file."""
        file = self._file(path)
        try:
            with open_regular(file) as stream:
                return stream.readall()
        except OSError as error:
            raise explained(error, file) from error

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
            raise explained(error, file) from error
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
                Path(temporary).unlink()
            if created:
                sync_folder(file)
        except OSError as error:
            raise explained(error, file, needs_folder=True) from error
        return created

    def list(self, prefix: str, *, recursive: bool, exclude: frozenset[str]) -> Iterator[ObjectInfo]:
        """Walk in key order, holding the names of one folder per level and nothing more."""
        top = self._file(prefix) if prefix else self._root
        below = f"{prefix}/" if prefix else ""
        # A level: names still to visit, folder, key prefix, identities of this folder and those above it.
        levels = [(_sorted_names(top, is_top=True), top, below, frozenset({_identity(top)}))]
        while levels:
            names, folder, below, above = levels[-1]
            if not names:
                levels.pop()
                continue
            name = names.pop()
            key = below + name.removesuffix("/")
            file = os.path.join(folder, name.removesuffix("/"))  # noqa: PTH118 a Path per file is slow
            if key in exclude:
                continue
            if not name.endswith("/"):
                info = _describe(file, key)
                if info is not None:
                    yield info
            elif recursive:
                identity = _identity(file)
                if identity not in above:
                    levels.append((_sorted_names(file), file, f"{key}/", above | {identity}))

    def info(self, path: str) -> ObjectInfo:
        """Size and time of a file."""
        file = self._file(path)
        try:
            status = os.stat(file)  # noqa: PTH116 as for scandir: no Path per file
        except OSError as error:
            raise explained(error, file) from error
        if not stat.S_ISREG(status.st_mode):
            raise missing(file, "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file")
        return ObjectInfo(path=path, size=status.st_size, etag=None, mtime=_mtime(status))

    def delete(self, path: str) -> None:
        """Remove a file; its folder stays."""
        file = self._file(path)
        try:
            Path(file).unlink()
        except OSError as error:
            raise explained(error, file) from error

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

    def _file(self, path: str) -> str:
        if not path or "\0" in path or path.startswith("/") or ".." in path.split("/"):
            raise problem(
                expected="a relative path inside the folder",
                got=repr(path),
                where=self._root,
                do="no file outside the folder is read or written through it",
            )
        return os.path.join(self._root, path)  # noqa: PTH118 Path would drop `./` and `//`


def _sorted_names(folder: str, *, is_top: bool = False) -> list[str]:
    """Names in a folder, last first so that pop() walks forward; folders end in '/'.

    With the '/' in the comparison, and on bytes, a walk visits whole paths in the order in which S3 lists
    keys: `a.png` before `a/b.png`.
    """
    try:
        with os.scandir(folder) as entries:
            names = [f"{entry.name}/" if _is_folder(entry) else entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []  # no such prefix, or removed while the walk was on its way: then it holds no object
    except OSError as error:
        raise explained(error, folder, reading_folder=True) from error
    names.sort(key=os.fsencode, reverse=True)
    return names


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that points at itself: reading it will say so
        return False


def _identity(folder: str) -> tuple[int, int]:
    try:
        status = os.stat(folder)  # noqa: PTH116 as for scandir: no Path per file
    except OSError:  # _sorted_names says what is wrong
        return (-1, -1)
    return (status.st_dev, status.st_ino)


def _describe(file: str, key: str) -> ObjectInfo | None:
    """Size and time of a regular file; None for sockets, pipes and what has vanished.

    A link to nothing is reported with size 0, so that reading it fails visibly.
    """
    try:
        status = os.stat(file)  # noqa: PTH116 as for scandir: no Path per file
    except OSError:
        return ObjectInfo(path=key, size=0, etag=None, mtime=None) if os.path.lexists(file) else None
    if not stat.S_ISREG(status.st_mode):
        return None
    return ObjectInfo(path=key, size=status.st_size, etag=None, mtime=_mtime(status))


def _mtime(status: os.stat_result) -> datetime:
    return _EPOCH + timedelta(microseconds=status.st_mtime_ns // 1000)
