"""TGA: grey, colour and palettes of 24 bits; the image's id, origin, and the areas after the picture are carried."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pipeline.image.formats.accounting import Account
from pipeline.image.formats.header import Header

_HEADER = struct.Struct("<BBBHHBHHHHBB")
_SIGNATURE = b"TRUEVISION-XFILE.\x00"
_FOOTER_BYTES = 26
_PALETTE, _COLOUR, _GREY, _PACKED = 1, 2, 3, 8
_DEPTHS = {_PALETTE: (8,), _COLOUR: (16, 24, 32), _GREY: (8, 16)}
_ALPHA_BITS, _INTERLEAVED = 0x0F, 0xC0
_ATTRIBUTES_AT, _GAMMA_AT = 494, 478
_HAS_ALPHA = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fields:
    """The 18 bytes that a file begins with."""

    id_bytes: int
    has_map: bool
    kind: int
    map_entries: int
    map_bits: int
    left: int
    top: int
    width: int
    height: int
    depth: int
    flags: int

    @property
    def is_packed(self) -> bool:
        """Whether equal pixels are stored once."""
        return bool(self.kind & _PACKED)

    @property
    def colours(self) -> int:
        """Palette, colour or grey."""
        return self.kind & ~_PACKED

    @property
    def picture_at(self) -> int:
        """Where the samples start."""
        return _HEADER.size + self.id_bytes + -(-self.map_entries * self.map_bits // 8)


def seems_tga(data: bytes) -> bool:
    """Whether the first bytes can be those of a TGA file, which has no mark at its start."""
    if len(data) < _HEADER.size or data[1] > 1:
        return False
    fields = _fields(data)
    return (
        fields.depth in _DEPTHS.get(fields.colours, ())
        and fields.has_map == (fields.colours == _PALETTE)
        and (fields.has_map or not any(data[3:8]))
        and (not fields.has_map or (fields.map_bits in (15, 16, 24, 32) and 0 < fields.map_entries <= 256))
        and bool(fields.width and fields.height)
        and fields.flags & _ALPHA_BITS in (0, 1, 8)
    )


def tga_header(data: bytes) -> Header:
    """Read the header of a TGA file, and find where its picture ends."""
    fields = _fields(data)
    account = Account(len(data))
    reason, damage = _reason(fields), None
    if reason is None:
        end = _picture_end(data, fields)
        if end is None:
            damage = f"truncated TGA: the picture does not end within {len(data):,} bytes"
        else:
            reason = _footer_reason(data, fields, end)
            _claim(data, fields, end, account)
    alpha = "A" if fields.depth == 32 else ""
    return Header(
        width=fields.width,
        height=fields.height,
        mode={_PALETTE: "P", _GREY: "L"}.get(fields.colours, "RGB" + alpha),
        unmodelled=reason,
        damage=damage,
        carried=account.carried,
        account=account,
        stream=data,
    )


def _fields(data: bytes) -> _Fields:
    id_bytes, has_map, kind, _, entries, map_bits, left, top, width, height, depth, flags = (
        _HEADER.unpack_from(data)
    )
    return _Fields(
        id_bytes=id_bytes,
        has_map=bool(has_map),
        kind=kind,
        map_entries=entries,
        map_bits=map_bits,
        left=left,
        top=top,
        width=width,
        height=height,
        depth=depth,
        flags=flags,
    )


def _reason(fields: _Fields) -> str | None:
    if fields.flags & _INTERLEAVED:
        return "interleaved rows"
    if fields.depth == 16:
        return "samples of 5 bits" if fields.colours == _COLOUR else "grey of 16 bits"
    if fields.colours == _PALETTE and fields.map_bits != 24:
        return f"a palette of {fields.map_bits} bits"
    if (fields.flags & _ALPHA_BITS) != (8 if fields.depth == 32 else 0):
        return "a fourth channel of unknown meaning"
    return None


def _picture_end(data: bytes, fields: _Fields) -> int | None:
    """Where the samples end; None when that is beyond the end of the file."""
    at, size = fields.picture_at, fields.depth // 8
    left = fields.width * fields.height
    if not fields.is_packed:
        at += left * size
        return at if at <= len(data) else None
    while left > 0 and at < len(data):
        count = (data[at] & 0x7F) + 1
        at += 1 + (size if data[at] & 0x80 else size * count)
        left -= count
    return at if left == 0 and at <= len(data) else None


def _footer_reason(data: bytes, fields: _Fields, end: int) -> str | None:
    """What the extension area says of the samples that their decoder does not know."""
    if not data.endswith(_SIGNATURE) or len(data) - end < _FOOTER_BYTES:
        return None
    (area,) = struct.unpack_from("<I", data, len(data) - _FOOTER_BYTES)
    if not area:
        return None
    if area < end or area + _ATTRIBUTES_AT + 1 > len(data):
        return "an extension area that is not where it is said to be"
    numerator, denominator = struct.unpack_from("<HH", data, area + _GAMMA_AT)
    if denominator and numerator != denominator:
        return f"a gamma of {numerator}/{denominator}"
    if fields.depth == 32 and data[area + _ATTRIBUTES_AT] != _HAS_ALPHA:
        return "a fourth channel that is no alpha, or is premultiplied"
    return None


def _claim(data: bytes, fields: _Fields, end: int, account: Account) -> None:
    origin = data[8:12]
    account.layout(0, 8)
    if any(origin):
        account.carry(8, 12, "origin", origin)
    else:
        account.layout(8, 12)
    account.layout(12, _HEADER.size)
    after_id = _HEADER.size + fields.id_bytes
    if fields.id_bytes:
        account.carry(_HEADER.size, after_id, "image id", data[_HEADER.size : after_id])
    account.picture(after_id, end)
    account.carry_trailer(data, end)
