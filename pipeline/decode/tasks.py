"""What the driver and the decoder workers say to each other. Images never travel: workers write the files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedImage:
    """One image to write."""

    row: int
    """Its number in the shard."""
    key: str
    name: str
    """Of its decoded form; a kept original goes by its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeTask:
    """Write some images of one shard."""

    shard: str
    images: tuple[WantedImage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeResult:
    """What became of a task's images."""

    written: int
    written_bytes: int
    pixels: int
    failed: tuple[tuple[str, str], ...]
    """(key, reason)."""
