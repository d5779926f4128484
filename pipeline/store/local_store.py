"""A store in a local folder: whole files appear at once or not at all, and listings follow key order."""

from __future__ import annotations

import errno
import io
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.errors import StorageError
from pipeline.store.backend import ObjectInfo
from pipeline.store.failures import missing, problem, short_read

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}

_ADVICE = {
    errno.ENOSPC: ("free space on the disk", "a full disk", "free some space or write elsewhere"),
    errno.EDQUOT: ("room in the disk quota", "an exhausted quota", "free some space or write elsewhere"),
    errno.EACCES: ("access", "permission denied", "check the owner and mode of the file and its folders"),
    errno.EPERM: ("access", "operation not permitted", "check the owner, mode and mount options"),
    errno.EROFS: ("a writable disk", "a read-only file system", "write elsewhere or remount it"),
    errno.ENOTDIR: ("a folder", "a file", "choose another name or move the file away"),
    errno.EEXIST: ("a folder", "a file", "choose another name or move the file away"),
    errno.EISDIR: ("a file", "a folder", "name a file inside the folder"),
    errno.ENAMETOOLONG: ("a name the disk can hold", "one that is too long", "shorten the name"),
}


class LocalStore:
    """Files below one local folder. Symbolic links are followed, loops of them are not."""

    def __init__(self, root: str) -> None:
        self._root = root

    def read(self, path: str) -> bytes:
        """All bytes of a file."""
        file = self._file(path)
        try:
            with _open_regular(file) as stream:
                return stream.readall()
        except OSError as error:
            raise _explain(error, file) from error

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`."""
        file = self._file(path)
        data = bytearray()
        try:
            with _open_regular(file) as stream:
                stream.seek(offset)
                while len(data) < length and (more := stream.read(length - len(data))):
                    data += more  # one read returns at most 2 GiB
        except OSError as error:
            raise _explain(error, file) from error
        if len(data) != length:
            raise short_read(file, offset=offset, length=length, got=len(data))
        return bytes(data)

    def write(self, path: str, data: bytes) -> None:
        """Publish a file by renaming a finished one over it."""
        file = self._file(path)
        try:
            temporary = _write_aside(file, data)
            try:
                Path(temporary).replace(file)
            except BaseException:
                Path(temporary).unlink()
                raise
            _sync_folder(file)
        except OSError as error:
            raise _explain(error, file, needs_folder=True) from error

    def create(self, path: str, data: bytes) -> bool:
        """Publish a file by linking a finished one under its name, which fails when the name is taken."""
        file = self._file(path)
        try:
            temporary = _write_aside(file, data)
            try:
                created = _link_new(temporary, file, data)
            finally:
                Path(temporary).unlink()
            if created:
                _sync_folder(file)
        except OSError as error:
            raise _explain(error, file, needs_folder=True) from error
        return created

    def list(self, prefix: str, *, recursive: bool, exclude: frozenset[str]) -> Iterator[ObjectInfo]:
        """Walk in key order, holding the names of one folder per level and nothing more."""
        top = self._file(prefix) if prefix else self._root
        below = f"{prefix}/" if prefix else ""
        seen = _identity(top)
        # A level: names still to visit, folder, key prefix, identities of this folder and those above it.
        levels = [(_sorted_names(top, is_top=True), top, below, frozenset({seen}))]
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
            raise _explain(error, file) from error
        if not stat.S_ISREG(status.st_mode):
            raise missing(file, "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file")
        return ObjectInfo(path=path, size=status.st_size, etag=None, mtime=_mtime(status))

    def delete(self, path: str) -> None:
        """Remove a file; its folder stays."""
        file = self._file(path)
        try:
            Path(file).unlink()
        except OSError as error:
            raise _explain(error, file) from error

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
            raise _explain(error, self._root, needs_folder=True) from error

    def check_writable(self) -> None:
        """Write a probe where the folder is, or where it would be made."""
        folder = Path(self._root)
        while not os.path.lexists(folder) and folder != folder.parent:
            folder = folder.parent
        probe = str(folder / f"probe-{uuid.uuid4().hex}")
        try:
            Path(_write_aside(probe, b"tenfold can write here\n")).unlink()
        except FileNotFoundError:
            raise problem(
                expected="a folder that files can be made in",
                got="one that takes none",
                where=str(folder),
                do="choose another place",
            ) from None
        except OSError as error:
            raise _explain(error, self._root, needs_folder=True) from error

    def _file(self, path: str) -> str:
        if not path or "\0" in path or path.startswith("/") or ".." in path.split("/"):
            raise problem(
                expected="a relative path inside the folder",
                got=repr(path),
                where=self._root,
                do="no file outside the folder is read or written through it",
            )
        return os.path.join(self._root, path)  # noqa: PTH118 Path would drop `./` and `//`


def _open_regular(file: str) -> io.FileIO:
    """Open a file for reading, and nothing else: a pipe would wait for ever, a device never end."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    stream = io.FileIO(descriptor)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        stream.close()
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        raise missing(file, "no regular file")
    return stream


def _write_aside(file: str, data: bytes) -> str:
    """Write a finished temporary file beside `file`, needs_folder its folder; leave nothing on failure."""
    folder = Path(file).parent
    folder.mkdir(parents=True, exist_ok=True)
    temporary = str(folder / f".tenfold-{uuid.uuid4().hex}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123 a descriptor, not a path
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    return temporary


def _link_new(temporary: str, file: str, data: bytes) -> bool:
    try:
        os.link(temporary, file)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        return _write_new(file, data)
    return True


def _write_new(file: str, data: bytes) -> bool:
    """Exclusive creation where the disk has no hard links: a reader may see the file half written."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return False
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123 a descriptor, not a path
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
    except BaseException:
        with suppress(OSError):
            Path(file).unlink()
        raise
    return True


def _sync_folder(file: str) -> None:
    """Make a rename or link survive a power cut."""
    descriptor = os.open(Path(file).parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some network disks cannot sync a folder
            raise
    finally:
        os.close(descriptor)


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
        raise _explain(error, folder, reading_folder=True) from error
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


def _explain(
    error: OSError, file: str, *, reading_folder: bool = False, needs_folder: bool = False
) -> OSError:
    if isinstance(error, StorageError) or error.errno is None:  # worded already
        return error
    if error.errno == errno.ENOENT:
        return missing(file)
    if (
        error.errno == errno.ENOTDIR and not needs_folder
    ):  # a file where the path has a folder: nothing is below it
        return missing(file)
    expected, got, do = _ADVICE.get(
        error.errno or 0,
        ("the disk to answer", error.strerror or type(error).__name__, "check the disk and its mount"),
    )
    if reading_folder:
        expected = "a folder whose names can be listed"
    return problem(expected=expected, got=got, where=file, do=do)
