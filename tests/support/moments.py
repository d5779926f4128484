"""What a kill leaves of an archive, at every moment of some work on it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.archive.catalogue import Catalogue
from pipeline.store.storage import Storage

_CHANGES = ((Catalogue, "commit"), (Storage, "write"), (Storage, "create"), (Storage, "delete"))


def moments_of(work: Callable[[], object], archive: Path, folder: Path) -> list[Path]:
    """Do the work, and copy the archive just before each change: so it would lie there, had the work been killed then.

    Args:
        archive: what the work changes.
        folder: gets the copies. They are without a lease, as if that of the killed had run out.
    """
    copies: list[Path] = []
    one_at_a_time = threading.RLock()

    def watched(change: Callable[..., object]) -> Callable[..., object]:
        def watching(owner: object, first: object, *rest: object, **more: object) -> object:
            if isinstance(first, str) and first.startswith("locks/"):
                return change(owner, first, *rest, **more)
            with one_at_a_time:
                copy = folder / f"before-{len(copies)}"
                copies.append(Path(shutil.copytree(archive, copy, ignore=shutil.ignore_patterns("locks"))))
                if isinstance(owner, Storage):  # nothing is copied while it lies there in part
                    return change(owner, first, *rest, **more)
            return change(owner, first, *rest, **more)  # a commit waits for threads that write

        return watching

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in _CHANGES:
            patch.setattr(owner, name, watched(getattr(owner, name)))
        work()
    return copies
