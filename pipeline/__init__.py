"""Moves images around the codec: sources, shards, catalogue, and the archive as Python objects."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pipeline.datasets.archive_dataset import ArchiveDataset
    from pipeline.datasets.archive_stream import ArchiveStream
    from pipeline.datasets.ray_source import read_archive
    from pipeline.decode.archive import Archive
    from pipeline.files.filesystem import ArchiveFileSystem

__all__ = ["Archive", "ArchiveDataset", "ArchiveFileSystem", "ArchiveStream", "read_archive"]

_HOMES: Final = {
    "Archive": ".decode.archive",
    "ArchiveDataset": ".datasets.archive_dataset",
    "ArchiveStream": ".datasets.archive_stream",
    "ArchiveFileSystem": ".files.filesystem",
    "read_archive": ".datasets.ray_source",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is asked for: each brings much that most of the pipeline does not need."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __package__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
