"""Which files this process has found to be what was written: each is looked at once, and again when it is another."""

from __future__ import annotations

from datetime import datetime
from threading import Lock
from typing import Final

from pipeline.store.backend import ObjectInfo

_MOST: Final = 200_000
"""Files remembered: 50 MB. Beyond that, all are looked at anew."""

Identity = tuple[int, str | None, datetime | None]
"""Size, ETag, and the time where there is no ETag."""

_proven: dict[tuple[str, str], Identity] = {}
_lock = Lock()


def is_proven(url: str, info: ObjectInfo) -> bool:
    """Whether a file of an archive was proven, and has the size and ETag that it had then; without ETags, the time."""
    with _lock:
        return _proven.get((url, info.path)) == identity_of(info)


def set_proven(url: str, info: ObjectInfo) -> None:
    """Remember a file as it was listed before it was read; not one that its store tells too little of."""
    if info.etag is None and info.mtime is None:
        return
    with _lock:
        if len(_proven) >= _MOST:
            _proven.clear()
        _proven[url, info.path] = identity_of(info)


def identity_of(info: ObjectInfo) -> Identity:
    """What another file of that name would differ in, seen from outside."""
    # S3 servers list milliseconds, and say whole seconds of one object
    return info.size, info.etag, info.mtime if info.etag is None else None
