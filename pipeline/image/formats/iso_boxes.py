"""Boxes: what AVIF, HEIF (ISO base media) and JPEG 2000 files are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One box. Offsets are bytes from the start of the file."""

    kind: bytes
    """Four characters."""
    start: int
    body: int
    end: int

    @property
    def name(self) -> str:
        """The kind as text."""
        return self.kind.decode("latin-1")

    @property
    def span(self) -> tuple[int, int]:
        """From its length to its last byte."""
        return self.start, self.end


def boxes(data: bytes, at: int, end: int, what: str) -> Iterator[Box]:
    """The boxes between two offsets; fewer than 8 bytes after the last one are not told.

    Raises:
        SourceError: a length that cannot be, or that runs past the end.
    """
    while at + 8 <= end:
        size, kind, header = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = end - at
        if size < header:
            raise SourceError(f"damaged {what}: the box {kind!r} at byte {at:,} has length {size}")
        if at + size > end:
            raise SourceError(
                f"truncated {what}: cut off inside the box {kind!r}; "
                f"at least {at + size - end:,} bytes are missing"
            )
        yield Box(kind=kind, start=at, body=at + header, end=at + size)
        at += size


def top_boxes(data: bytes, what: str, *, needed: bytes) -> tuple[list[Box], int]:
    """The boxes of a file, and where what follows the last of them starts.

    Args:
        needed: the kind of box after which other content may follow, such as no box begins.

    Raises:
        SourceError: a length that cannot be, or that runs past the end, before there is anything to see.
    """
    found: list[Box] = []
    at = 0
    while at + 8 <= len(data):
        kind = data[at + 4 : at + 8]
        has_picture = any(box.kind == needed for box in found)
        if has_picture and not (kind.isascii() and kind.decode().isprintable()):
            break
        try:
            box = next(boxes(data, at, len(data), what))
        except SourceError:
            if has_picture and kind != needed:
                break
            raise
        found.append(box)
        at = box.end
    return found, at
