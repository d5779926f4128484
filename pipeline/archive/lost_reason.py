"""How the reason of a lost image names the shard that would bring it back."""

from __future__ import annotations

from typing import Final

from pipeline.types import SourceImage

LOST: Final = "lost: "
"""How the reason begins of an image that the archive held, and that did not come back."""
_WAS_IN: Final = "; it was in "


def lost_reason(source: SourceImage, why: str) -> str:
    """Why an image that the archive held did not come back, and which file would bring it back."""
    return f"{LOST}{why}{_WAS_IN}{source.shard}"


def lost_from(reason: str) -> str | None:
    """The shard that a `lost_reason` names; None for other reasons."""
    return reason.rpartition(_WAS_IN)[2] if reason.startswith(LOST) and _WAS_IN in reason else None
