"""One image in a pack: its file, and what the archive knows of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

from pipeline.types import ShardRow


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """What is told of an image beside its file: columns of its row (docs/formats/archive.md)."""

    key: str
    width: int | None
    """Of the picture in the file, in pixels; None where that is not known, as the height."""
    height: int | None
    source_url: str
    source_size: int | None
    source_sha256: str | None
    source_format: str | None
    status: str
    codec: str | None
    quality: int | None
    bpp: float | None
    psnr_db: float | None
    """Of the faithful picture."""
    run: str
    generated_by: str | None
    """Name of the decoder, where the picture shows more than was stored."""

    @classmethod
    def of(
        cls, row: ShardRow, *, width: int | None, height: int | None, generated_by: str | None = None
    ) -> Self:
        """Of a row, and of the picture that comes."""
        own: dict[str, Any] = {"width": width, "height": height, "generated_by": generated_by}
        stored: dict[str, Any] = {
            field.name: getattr(row, field.name) for field in fields(cls) if field.name not in own
        }
        return cls(**stored, **own)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackMember:
    """One image in a pack."""

    name: str
    data: bytes
    """Its file."""
    facts: MemberFacts
