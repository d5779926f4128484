"""Files of this machine that the disk does not give back."""

from __future__ import annotations

import errno
import io
import os

import pytest

from pipeline.store import local_store
from pipeline.store.local_files import open_regular


def bad_sectors(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """Make it so for those whose path ends so, as long as the patch lasts."""

    def opened(file: str) -> io.FileIO:
        if file.endswith(end):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return open_regular(file)

    monkeypatch.setattr(local_store, "open_regular", opened)
