"""Where every byte of a file goes: into the picture, into metadata, into parts that are carried, or nowhere.

A reader claims, span by span, the bytes it understands. Bytes that nothing claims, or that are claimed twice, make the
file be kept: a reader cannot drop a kind of segment by not knowing it.
"""

from __future__ import annotations

from itertools import pairwise

from pipeline.types import CarriedPart

TRAILER = "trailer"
"""The kind of what follows the end of the picture."""


class Account:
    """What becomes of each byte of one file. Offsets are bytes from its start; ends are exclusive."""

    def __init__(self, num_bytes: int) -> None:
        self.num_bytes = num_bytes
        self.exif: bytes | None = None
        self.icc: bytes | None = None
        self.xmp: bytes | None = None
        self._spans: list[tuple[int, int]] = []
        self._parts: list[tuple[int, CarriedPart]] = []

    def layout(self, start: int, end: int) -> None:
        """Claim bytes that tell nothing beside where others lie: magic numbers, lengths, checksums, defined padding."""
        self._claim(start, end)

    def picture(self, start: int, end: int) -> None:
        """Claim bytes that the decoder turns into pixels, or needs to do so."""
        self._claim(start, end)

    def take_exif(self, start: int, end: int, exif: bytes) -> None:
        """Claim a span that holds this EXIF block and nothing else; an account has room for one."""
        assert self.exif is None
        self.exif = exif
        self._claim(start, end)

    def take_icc(self, spans: list[tuple[int, int]], icc: bytes) -> None:
        """Claim spans that hold this profile and nothing else; an account has room for one."""
        assert self.icc is None
        self.icc = icc
        for start, end in spans:
            self._claim(start, end)

    def take_xmp(self, start: int, end: int, xmp: bytes) -> None:
        """Claim a span that holds this XMP packet and nothing else; an account has room for one."""
        assert self.xmp is None
        self.xmp = xmp
        self._claim(start, end)

    def carry(self, start: int, end: int, kind: str, data: bytes) -> None:
        """Claim a span of which `data` is all that counts."""
        self._claim(start, end)
        self._parts.append((start, CarriedPart(kind=kind, data=data)))

    def carry_trailer(self, data: bytes, start: int) -> None:
        """Claim all from there to the end of the file, if anything is there."""
        if start < self.num_bytes:
            self.carry(start, self.num_bytes, TRAILER, data[start:])

    @property
    def carried(self) -> tuple[CarriedPart, ...]:
        """The parts, in the order of the file."""
        return tuple(part for _, part in sorted(self._parts, key=lambda placed: placed[0]))

    def gaps(self) -> list[tuple[int, int]]:
        """The spans that nothing has claimed, in their order."""
        edges = [(0, 0), *sorted(self._spans), (self.num_bytes, self.num_bytes)]
        return [(before[1], after[0]) for before, after in pairwise(edges) if before[1] < after[0]]

    def shortfall(self) -> str | None:
        """The reason to keep the file when not every byte is claimed exactly once; None when every byte is."""
        if gaps := self.gaps():
            num_bytes = sum(end - start for start, end in gaps)
            return f"{num_bytes:,} bytes of unknown purpose (the first of them is byte {gaps[0][0]:,})"
        claimed = sum(end - start for start, end in self._spans)
        if claimed != self.num_bytes:
            return f"parts of it overlap: they hold {claimed:,} bytes, the file {self.num_bytes:,}"
        return None

    def _claim(self, start: int, end: int) -> None:
        assert 0 <= start <= end <= self.num_bytes, (start, end, self.num_bytes)
        self._spans.append((start, end))
