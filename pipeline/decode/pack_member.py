"""One image in a pack: its file, and what the archive knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipeline.decode.deliver import Delivery
from pipeline.types import ShardRow

_FACTS: Final = (
    "key",
    "source_url",
    "source_size",
    "source_sha256",
    "source_format",
    "status",
    "codec",
    "quality",
    "bpp",
    "psnr_db",
    "run",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackMember:
    """One image in a pack."""

    name: str
    data: bytes
    """Its file."""
    facts: dict[str, str | int | float | None]
    """Columns of its row (docs/formats/archive.md); `width` and `height` are those of this file."""


def facts_of(row: ShardRow, delivery: Delivery) -> dict[str, str | int | float | None]:
    """What is told of an image beside its file."""
    size = {"width": delivery.width, "height": delivery.height}
    return size | {name: getattr(row, name) for name in _FACTS}
