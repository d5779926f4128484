"""What a listing says beside the images that it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """A folder or tar of which a listing did not see everything."""

    path: str
    """Below the source."""
    reason: str
    """For a person."""


@dataclass(slots=True, kw_only=True)
class ListingNotes:
    """Counts and names of one listing; they grow while it goes on."""

    skipped: int = 0
    """Files that are not named like images, and were left out."""
    others: int = 0
    """Files that are no images, and are given all the same, to be kept as they are."""
    filtered: int = 0
    """Files that --include and --exclude left out."""
    linked: int = 0
    """Further names of files that are given under another one: links."""
    replaced: int = 0
    """Members of tars that a later one of the same name takes the place of."""
    special: int = 0
    """Pipes, sockets and devices, left out."""
    dangling: list[str] = field(default_factory=list)
    """Links to nothing, below the source."""
    unlisted: list[Unlisted] = field(default_factory=list)
    maps_unlisted: str | None = None
    """Why it is not known which importance maps changed; None where it is, or where images follow none."""
    texts_unlisted: str | None = None
    """Why it is not known which texts changed that say what images show; None as for maps."""
    limited: bool = False
    """Whether the listing ended because of --limit, with more to come."""

    @property
    def unseen(self) -> list[str]:
        """Where images may lie that the listing has not seen, below the source: they are not gone."""
        return [*(place.path for place in self.unlisted), *self.dangling]

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """What `dataclasses.asdict` made of them."""
        return cls(**{**record, "unlisted": [Unlisted(**place) for place in record.get("unlisted", ())]})
