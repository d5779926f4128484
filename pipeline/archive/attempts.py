"""What adaptations that never came to their end have left in an archive: `adapt/<adaptation>/...`.

The same command goes on with the newest of its kind; until then, or for good, up to fifty megabytes lie there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime

from pipeline.archive.layout import ATTEMPTS_FOLDER, attempt_of
from pipeline.store.storage import Storage


def attempts(archive: Storage) -> dict[str, dict[str, int]]:
    """Adaptation -> the objects of its attempt, with their bytes; those under way are among them."""
    found: dict[str, dict[str, int]] = {}
    for info in archive.list(ATTEMPTS_FOLDER):
        adaptation = attempt_of(info.path)
        if adaptation is not None:
            found.setdefault(adaptation, {})[info.path] = info.size
    return found


def abandoned_objects(archive: Storage, before: datetime) -> dict[str, int]:
    """Objects, with their bytes, of attempts that began before a moment."""
    latest = f"{before.astimezone(UTC):%Y%m%dT%H%M%S}"
    old = (objects for adaptation, objects in attempts(archive).items() if adaptation < latest)
    return {path: size for objects in old for path, size in objects.items()}


def remove_objects(archive: Storage, paths: Iterable[str]) -> None:
    """Remove them; whoever holds the lease of the archive may: then none of them is under way."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            archive.delete(path)
