"""Who trains into a folder: one process at a time, which the kernel knows, so that a kill leaves nothing to clear."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from codec.errors import TrainingError
from codec.training.written import writing_into

_LOCK_NAME: Final = ".lock"
"""The file stays when the lock has gone: whoever deletes one may delete another's."""
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP})
"""What a filesystem says that knows of none."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make a run's folder, and let nobody else train into it meanwhile.

    Raises:
        TrainingError: somebody does so already, or it cannot be written.
    """
    with writing_into(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / _LOCK_NAME).open("a+b")
    with file:  # closing it gives the lock back, and so does every end of the process
        with writing_into(folder):
            _take(file, folder)
        yield


def _take(file: BinaryIO, folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read().decode(errors="replace") or "another process"
        raise TrainingError(
            f"expected to train alone in {folder}, got {holder}, which trains there; wait for it, end it, or train "
            "elsewhere"
        ) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    file.truncate(0)
    now = datetime.now().astimezone().isoformat(" ", "seconds")
    file.write(f"process {os.getpid()} on {socket.gethostname()}, since {now}".encode())
    file.flush()
