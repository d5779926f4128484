"""A file that a source holds, before it is known whether it is taken."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.types import SourceImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One name of a file."""

    image: SourceImage
    is_image: bool
    """Whether its name, or the glob that names it, says so."""
    twin: str | None = None
    """Key under which the source holds the same file as well, where this one is a link."""
    has_twin: bool = False
    """Whether the glob of the source, if it has one, lets the twin through."""
    is_twin_image: bool = False
    """`is_image` of the twin."""
