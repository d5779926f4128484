"""Moves images around the codec: sources, shards, catalogue, and the archive as a Python object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.decode.archive import Archive

__all__ = ["Archive"]


def __getattr__(name: str) -> Any:
    """Import `Archive` when it is asked for: it brings torch, which most of the pipeline does not need."""
    if name == "Archive":
        from pipeline.decode.archive import Archive

        return Archive
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
