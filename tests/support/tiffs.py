"""Small TIFF files of any layout, made from samples and tags."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

_CODES = {1: "B", 2: "s", 3: "H", 4: "I", 7: "s", 11: "f", 12: "d", 13: "I"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One tag to write: its value is packed already."""

    number: int
    type: int
    count: int
    value: bytes

    def packed(self, order: str = "<") -> bytes:
        """As the reader carries it."""
        return struct.pack(f"{order}HI", self.type, self.count) + self.value


def tag(number: int, kind: int, *values: Any, order: str = "<") -> Tag:
    """A tag of numbers, or of one byte string."""
    if isinstance(values[0], bytes):
        return Tag(number=number, type=kind, count=len(values[0]), value=values[0])
    if kind == 5:
        parts = [part for value in values for part in value]
        return Tag(
            number=number, type=5, count=len(values), value=struct.pack(f"{order}{len(parts)}I", *parts)
        )
    packed = struct.pack(f"{order}{len(values)}{_CODES[kind]}", *values)
    return Tag(number=number, type=kind, count=len(values), value=packed)


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffRecipe:
    """How to write one picture."""

    samples: npt.NDArray[Any]
    """(H, W, N)."""
    photometric: int = 2
    bits: int = 8
    sample_format: int | None = None
    extra: Sequence[int] = ()
    compression: int = 1
    is_planar: bool = False
    rows_per_strip: int | None = None
    tags: Sequence[Tag] = ()
    order: Literal["<", ">"] = "<"
    is_big: bool = False
    ghost: bytes = b""
    """Between the header and the directory."""
    gap: bytes = b""
    """Between the directory's values and the picture."""
    trailer: bytes = b""
    next: int = 0
    drop: Sequence[int] = field(default=())
    """Tags to leave out."""

    def strips(self) -> list[bytes]:
        """The picture data, strip by strip."""
        rows = self.rows_per_strip or len(self.samples)
        planes = (
            [self.samples[..., n : n + 1] for n in range(self.samples.shape[2])]
            if self.is_planar
            else [self.samples]
        )
        wide = [plane.astype(plane.dtype.newbyteorder(self.order)) for plane in planes]
        raw = [plane[at : at + rows].tobytes() for plane in wide for at in range(0, len(self.samples), rows)]
        return [zlib.compress(one) for one in raw] if self.compression == 8 else raw

    def file(self) -> bytes:
        """The whole file."""
        height, width, count = self.samples.shape
        order, strips = self.order, self.strips()
        own = [
            tag(256, 4, width, order=order),
            tag(257, 4, height, order=order),
            tag(258, 3, *[self.bits] * count, order=order),
            tag(259, 3, self.compression, order=order),
            tag(262, 3, self.photometric, order=order),
            tag(273, 4, *[0] * len(strips), order=order),
            tag(277, 3, count, order=order),
            tag(278, 4, self.rows_per_strip or height, order=order),
            tag(279, 4, *[len(strip) for strip in strips], order=order),
            tag(284, 3, 2 if self.is_planar else 1, order=order),
        ]
        if self.sample_format is not None:
            own.append(tag(339, 3, *[self.sample_format] * count, order=order))
        if self.extra:
            own.append(tag(338, 3, *self.extra, order=order))
        tags = sorted(
            [one for one in own if one.number not in self.drop] + list(self.tags), key=lambda one: one.number
        )
        return self._laid_out(tags, strips)

    def _laid_out(self, tags: list[Tag], strips: list[bytes]) -> bytes:
        order, field_bytes = self.order, 8 if self.is_big else 4
        head_bytes = 16 if self.is_big else 8
        first = head_bytes + len(self.ghost)
        first += first % 2
        entry_bytes, count_bytes = (20, 8) if self.is_big else (12, 2)
        values_at = first + count_bytes + entry_bytes * len(tags) + field_bytes
        place = values_at + sum(
            len(one.value) + len(one.value) % 2 for one in tags if len(one.value) > field_bytes
        )
        place += len(self.gap)
        offsets = [place + sum(map(len, strips[:n])) for n in range(len(strips))]
        entries, values = b"", b""
        address, number = ("Q", "Q") if self.is_big else ("I", "I")
        for one in tags:
            value = struct.pack(f"{order}{len(offsets)}I", *offsets) if one.number == 273 else one.value
            entries += struct.pack(f"{order}HH{number}", one.number, one.type, one.count)
            if len(value) > field_bytes:
                entries += struct.pack(order + address, values_at + len(values))
                values += value + b"\x00" * (len(value) % 2)
            else:
                entries += value.ljust(field_bytes, b"\x00")
        mark = b"II" if order == "<" else b"MM"
        head = mark + (
            struct.pack(f"{order}HHHQ", 43, 8, 0, first)
            if self.is_big
            else struct.pack(f"{order}HI", 42, first)
        )
        count = struct.pack(order + ("Q" if self.is_big else "H"), len(tags))
        ghost = self.ghost.ljust(first - head_bytes, b"\x00")
        following = struct.pack(order + address, self.next)
        return (
            head + ghost + count + entries + following + values + self.gap + b"".join(strips) + self.trailer
        )


def plane(height: int = 6, width: int = 8, bands: int = 3, *, kind: Any = np.uint8) -> npt.NDArray[Any]:
    """Samples that are all different enough to tell bands and places apart, (H, W, N)."""
    y, x, band = np.mgrid[:height, :width, :bands]
    samples: npt.NDArray[Any] = (17 * x + 29 * y + 83 * band + 5).astype(kind)
    return samples
