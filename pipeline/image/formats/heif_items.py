"""The `meta` box of AVIF and HEIF files: items, where their bytes lie, their properties and references."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from pipeline.errors import SourceError
from pipeline.image.formats.iso_boxes import Box, boxes

_WHAT = "HEIF"


@dataclass(slots=True, kw_only=True)
class Item:
    """One item: a picture, a tile of one, or metadata."""

    number: int
    kind: bytes = b""
    """`av01`, `hvc1`, `grid`, `Exif`, `mime`, ..."""
    name: bytes = b""
    content_type: bytes = b""
    is_protected: bool = False
    extents: list[tuple[int, int]] = field(default_factory=list)
    """Start and end of its bytes in the file."""
    is_elsewhere: bool = False
    """Its bytes lie in another file or item."""
    properties: list[tuple[Box, bool]] = field(default_factory=list)
    """In their order, and whether a reader must understand them."""
    references: list[tuple[bytes, tuple[int, ...]]] = field(default_factory=list)
    """From this item to others: kind of reference, numbers of the items."""

    def property_of(self, kind: bytes) -> Box | None:
        """Its first property of a kind."""
        return next((box for box, _ in self.properties if box.kind == kind), None)

    def refers_to(self, kind: bytes) -> tuple[int, ...]:
        """The items to which it has references of a kind."""
        return tuple(number for one, numbers in self.references if one == kind for number in numbers)


@dataclass(slots=True, kw_only=True)
class Meta:
    """What a `meta` box says."""

    box: Box
    children: list[Box]
    primary: int | None = None
    items: dict[int, Item] = field(default_factory=dict)
    infos: list[Box] = field(default_factory=list)
    """The `infe` boxes."""
    properties: list[Box] = field(default_factory=list)
    item_data: Box | None = None
    """`idat`."""

    def bytes_of(self, data: bytes, item: Item) -> bytes:
        """An item's bytes."""
        return b"".join(data[start:end] for start, end in item.extents)


def read_meta(data: bytes, box: Box) -> Meta:
    """Read a `meta` box.

    Raises:
        SourceError: it is damaged.
    """
    children = list(boxes(data, box.body + 4, box.end, _WHAT))
    meta = Meta(box=box, children=children)
    by_kind: dict[bytes, Box] = {}
    for child in children:
        by_kind.setdefault(child.kind, child)
    meta.item_data = by_kind.get(b"idat")
    readers = {b"pitm": _pitm, b"iinf": _iinf, b"iloc": _iloc, b"iprp": _iprp, b"iref": _iref}
    try:
        for kind, read in readers.items():
            if kind in by_kind:
                read(data, by_kind[kind], meta)
    except (struct.error, IndexError) as error:
        raise SourceError(f"damaged {_WHAT}: the item tables end too early") from error
    return meta


def _item(meta: Meta, number: int) -> Item:
    return meta.items.setdefault(number, Item(number=number))


def _uint(data: bytes, at: int, size: int) -> int:
    if at + size > len(data):
        raise struct.error
    return int.from_bytes(data[at : at + size], "big")


def _pitm(data: bytes, box: Box, meta: Meta) -> None:
    meta.primary = _uint(data, box.body + 4, 2 if data[box.body] == 0 else 4)


def _iinf(data: bytes, box: Box, meta: Meta) -> None:
    skip = 6 if data[box.body] == 0 else 8
    for info in boxes(data, box.body + skip, box.end, _WHAT):
        meta.infos.append(info)
        body = data[info.body : info.end]
        wide = 2 if body[0] < 3 else 4
        number = _uint(body, 4, wide)
        item = _item(meta, number)
        item.is_protected = bool(_uint(body, 4 + wide, 2))
        item.kind = body[6 + wide : 10 + wide] if body[0] >= 2 else b"????"
        item.name, _, rest = body[10 + wide :].partition(b"\x00")
        item.content_type = rest.partition(b"\x00")[0] if item.kind == b"mime" else b""


def _iloc(data: bytes, box: Box, meta: Meta) -> None:
    version, at = data[box.body], box.body + 6
    sizes = data[box.body + 4], data[box.body + 5]
    offset_bytes, length_bytes, base_bytes = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index_bytes = sizes[1] & 15 if version else 0
    wide = 4 if version == 2 else 2
    count, at = _uint(data, at, wide), at + wide
    for _ in range(count):
        item, at = _item(meta, _uint(data, at, wide)), at + wide
        method = _uint(data, at, 2) & 15 if version else 0
        at += 2 if version else 0
        elsewhere, base = _uint(data, at, 2), _uint(data, at + 2, base_bytes)
        at += 2 + base_bytes
        extents, at = _uint(data, at, 2), at + 2
        start_of = {0: 0, 1: meta.item_data.body if meta.item_data else None}.get(method)
        item.is_elsewhere = bool(elsewhere) or start_of is None
        for _ in range(extents):
            at += index_bytes
            offset, length = _uint(data, at, offset_bytes), _uint(data, at + offset_bytes, length_bytes)
            at += offset_bytes + length_bytes
            start = (start_of or 0) + base + offset
            if not length or start + length > len(data):
                item.is_elsewhere = True
            else:
                item.extents.append((start, start + length))


def _iprp(data: bytes, box: Box, meta: Meta) -> None:
    for child in boxes(data, box.body, box.end, _WHAT):
        if child.kind == b"ipco":
            meta.properties += boxes(data, child.body, child.end, _WHAT)
        elif child.kind == b"ipma":
            _ipma(data, child, meta)


def _ipma(data: bytes, box: Box, meta: Meta) -> None:
    wide, step = (2 if data[box.body] == 0 else 4), 2 if data[box.body + 3] & 1 else 1
    count, at = _uint(data, box.body + 4, 4), box.body + 8
    for _ in range(count):
        item = _item(meta, _uint(data, at, wide))
        associations, at = data[at + wide], at + wide + 1
        for _ in range(associations):
            value, at = _uint(data, at, step), at + step
            is_essential, index = bool(value >> (8 * step - 1)), value & (2 ** (8 * step - 1) - 1)
            if index:
                item.properties.append((meta.properties[index - 1], is_essential))


def _iref(data: bytes, box: Box, meta: Meta) -> None:
    wide = 2 if data[box.body] == 0 else 4
    for child in boxes(data, box.body + 4, box.end, _WHAT):
        source, count = _uint(data, child.body, wide), _uint(data, child.body + wide, 2)
        numbers = [_uint(data, child.body + wide + 2 + wide * n, wide) for n in range(count)]
        _item(meta, source).references.append((child.kind, tuple(numbers)))
