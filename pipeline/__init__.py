"""Moves images around the codec: sources, shards, catalogue, and the archive as a Python object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.decode.archive import Archive
    from pipeline.files.filesystem import ArchiveFileSystem

__all__ = ["Archive", "ArchiveFileSystem"]


def __getattr__(name: str) -> Any:
    """Import a class when it is asked for: each brings much that most of the pipeline does not need."""
    if name == "Archive":
        from pipeline.decode.archive import Archive

        return Archive
    if name == "ArchiveFileSystem":
        from pipeline.files.filesystem import ArchiveFileSystem

        return ArchiveFileSystem
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
