"""Local files that appear whole or not at all, and survive a power cut."""

from __future__ import annotations

import errno
import io
import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final

from pipeline.store.failures import missing
from pipeline.store.rename_new import rename_new

_BEGIN: Final = ".tenfold-"
_END: Final = ".tmp"
"""How the name of a file that is being written begins and ends; a process that is killed leaves such a file."""
_TEMPORARY_LENGTH: Final = len(_BEGIN) + 32 + len(_END)
_NO_HARD_LINKS: Final = {
    errno.EPERM,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EMLINK,
    errno.EXDEV,
}


def open_regular(file: str) -> io.FileIO:
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


def write_temporary(file: str, data: bytes) -> str:
    """Write a finished temporary file into the folder of `file`, made if need be; leave nothing on failure."""
    folder = Path(file).parent
    folder.mkdir(parents=True, exist_ok=True)
    temporary = str(folder / f"{_BEGIN}{uuid.uuid4().hex}{_END}")
    _write_new(temporary, data)
    return temporary


def is_temporary(name: str) -> bool:
    """Whether a file is called like one that is being written: it is no object of the store, finished or not."""
    return name.startswith(_BEGIN) and name.endswith(_END) and len(name) == _TEMPORARY_LENGTH


def link_new(temporary: str, file: str, data: bytes) -> bool:
    """Give a finished file its name unless the name is taken; False when it is. The temporary name may be gone then.

    Args:
        data: what is in the file, for disks that have neither hard links nor a rename that replaces nothing.
    """
    try:
        os.link(temporary, file)
    except FileExistsError:
        return os.stat(temporary).st_nlink > 1  # noqa: PTH116 a network disk made it, lost its answer, and was asked again
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
    else:
        return True
    is_renamed = rename_new(temporary, file)
    if is_renamed is not None:
        return is_renamed
    try:
        _write_new(file, data)  # a reader may see it half written
    except FileExistsError:
        return False
    return True


def _write_new(file: str, data: bytes) -> None:
    """Write a file that is not there yet, down to the disk; leave nothing on failure.

    Raises:
        FileExistsError: the name is taken.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123 a descriptor, not a path
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
    except BaseException:
        with suppress(OSError):
            Path(file).unlink()
        raise


def sync_folder(file: str) -> None:
    """Make a rename or link survive a power cut."""
    descriptor = os.open(Path(file).parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some network disks cannot sync a folder
            raise
    finally:
        os.close(descriptor)
