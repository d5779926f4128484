"""Rename a file unless the new name is taken, in one step: for disks without hard links, such as those of cameras."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Final

_HERE: Final = -100
"""AT_FDCWD: paths are taken as every other call takes them."""
_NO_REPLACE: Final = 1
"""RENAME_NOREPLACE of Linux."""
_NOT_THERE: Final = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


def rename_new(file: str, name: str) -> bool | None:
    """Give a file another name; False when that is taken, None where the system or the disk has no such call.

    Raises:
        OSError: the disk refuses for another reason.
    """
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return None
    if rename(_HERE, os.fsencode(file), _HERE, os.fsencode(name), _NO_REPLACE) == 0:
        return True
    code = ctypes.get_errno()
    if code == errno.EEXIST:
        return False
    if code in _NOT_THERE:
        return None
    raise OSError(code, os.strerror(code), name)
