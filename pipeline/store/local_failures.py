"""What the operating system says when a file or folder fails, in our words."""

from __future__ import annotations

import errno
from typing import Final

from pipeline.errors import StorageError, StoreDownError, UnfitNameError
from pipeline.store.failures import missing, problem

_ADVICE = {
    errno.ENOSPC: ("free space on the disk", "a full disk", "free some space or write elsewhere"),
    errno.EDQUOT: ("room in the disk quota", "an exhausted quota", "free some space or write elsewhere"),
    errno.EACCES: ("access", "permission denied", "check the owner and mode of the file and its folders"),
    errno.EPERM: ("access", "operation not permitted", "check the owner, mode and mount options"),
    errno.EROFS: ("a writable disk", "a read-only file system", "write elsewhere or remount it"),
    errno.ENOTDIR: ("a folder", "a file", "choose another name or move the file away"),
    errno.EEXIST: ("a folder", "a file", "choose another name or move the file away"),
    errno.EISDIR: ("a file", "a folder", "name a file inside the folder"),
    errno.EFBIG: (
        "a file the disk can hold",
        "one that is too large for it or for the limit of this process",
        "write elsewhere",
    ),
    errno.ENOTCONN: ("the disk to answer", "a mount that is gone", "mount it again"),
    errno.EMFILE: (
        "room for another open file",
        "too many of them",
        "raise `ulimit -n`, or use fewer workers",
    ),
    errno.ENAMETOOLONG: ("a name the disk can hold", "one that is too long", "shorten the name"),
}
_WHOLE_DISK: Final = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOTCONN, errno.ENODEV, errno.ENXIO),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM),
}
"""What says nothing of the file at hand: of the disk, or of this process and machine."""
_NAME: Final = {
    errno.ENAMETOOLONG,
    errno.EILSEQ,
    errno.EINVAL,
    errno.ELOOP,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
}
"""What a disk says of a name that it cannot give to a new file."""


def explained(
    error: OSError, file: str, *, reading_folder: bool = False, needs_folder: bool = False
) -> OSError:
    """A failure of the disk, worded.

    Args:
        reading_folder: whether the names in `file`, a folder, were asked for.
        needs_folder: whether `file` was to be written, so that the folders above it must be folders: a file in their
            place is the failure then, and not the absence of `file`.
    """
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
    kind = StoreDownError if error.errno in _WHOLE_DISK else StorageError
    if needs_folder and error.errno in _NAME:
        kind = UnfitNameError
    return problem(expected=expected, got=got, where=file, do=do, kind=kind)
