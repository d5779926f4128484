"""Tenfold in Python: `from tenfold import Archive`.

An install has everything below this package (`tenfold.codec`, `tenfold.pipeline`, `tenfold.jobs`); a checkout has it
beside this package (`codec`, `pipeline`, `jobs`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pipeline as rooms
from pipeline.own_code import VERSION

if TYPE_CHECKING:
    from pipeline import Archive, ArchiveDataset, ArchiveFileSystem, ArchiveStream, read_archive

__all__ = ["Archive", "ArchiveDataset", "ArchiveFileSystem", "ArchiveStream", "__version__", "read_archive"]

__version__ = VERSION


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is: it takes a second."""
    if name in rooms.__all__:
        return getattr(rooms, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
