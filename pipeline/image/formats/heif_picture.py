"""Which items of an AVIF or HEIF file make its picture, and how that is to be shown."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.errors import SourceError
from pipeline.image.formats.av1_colour import av1_colours
from pipeline.image.formats.heif_items import Item, Meta
from pipeline.image.formats.iso_boxes import Box

_GRID, _GAIN_MAP = b"grid", b"tmap"
_METADATA = frozenset((b"Exif", b"mime", b"uri "))
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")
_GAIN_MAP_URN = b"hdrgainmap"
_LAYERS = frozenset((b"a1lx", b"a1op", b"lsel"))
_UNDERSTOOD = frozenset(
    (
        b"ispe",
        b"pixi",
        b"av1C",
        b"hvcC",
        b"colr",
        b"irot",
        b"imir",
        b"auxC",
        b"pasp",
        b"clli",
        b"mdcv",
        b"cclv",
    )
)
_REFERENCES = frozenset((b"dimg", b"auxl", b"cdsc", b"thmb"))
_PLAIN_COLOURS = {1, 2, 5, 6}
"""CICP primaries that ordinary viewers show as sRGB or that say nothing."""
_PLAIN_TRANSFERS = {1, 2, 6, 13}
_UNSPECIFIED = (2, 2)

_ROTATED = (1, 8, 3, 6)
"""The orientation of each number of quarter turns against the clock."""
_MIRRORED = {0: (4, 5, 2, 7), 1: (2, 7, 4, 5)}
"""The same where top and bottom (0) or left and right (1) are exchanged after the turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The picture of a file."""

    width: int
    height: int
    bit_depth: int
    is_grey: bool
    has_alpha: bool
    turn: int
    """The orientation, 1..8."""
    icc: bytes | None
    items: frozenset[int]
    """Items that the decoder needs."""
    thumbnails: frozenset[int]
    reason: str | None
    """Why there is more to see than this, or something else."""


def find_picture(data: bytes, meta: Meta, codec: bytes) -> Picture:
    """Find the picture and all items it needs.

    Args:
        codec: the kind of item that is decoded, `av01` or `hvc1`.

    Raises:
        SourceError: there is no primary item, or it has no size.
    """
    primary = meta.items.get(-1 if meta.primary is None else meta.primary)
    size = primary.property_of(b"ispe") if primary is not None else None
    if primary is None or size is None:
        raise SourceError("damaged HEIF: no primary item of a known size")
    width, height = struct.unpack(">II", data[size.body + 4 : size.body + 12])
    if not width or not height:
        raise SourceError(f"damaged HEIF: the picture has {width}x{height} pixels")
    if codec == b"hvc1":  # whose decoder cuts it out; that of AVIF does not
        width, height = _part_shown(data, primary, width, height)
    alphas = [
        item
        for item in meta.items.values()
        if primary.number in item.refers_to(b"auxl") and _aux_type(data, item).startswith(_ALPHA)
    ]
    needed = {item.number: item for top in (primary, *alphas) for item in _with_tiles(meta, top)}
    thumbnails = frozenset(
        item.number for item in meta.items.values() if primary.number in item.refers_to(b"thmb")
    )
    colours = [item for item in needed.values() if item not in alphas]
    turn, turn_reason = _turn(data, primary)
    icc, colour_reason = _colour(data, meta, primary)
    reason = (
        _items_reason(data, meta, needed, thumbnails)
        or ("groups of items" if any(box.kind == b"grpl" for box in meta.children) else None)
        or ("several alpha planes" if len(alphas) > 1 else None)
        or _codec_reason(needed.values(), codec)
        or ("premultiplied alpha" if primary.refers_to(b"prem") else None)
        or _property_reason(needed.values())
        or _reference_reason(meta)
        or colour_reason
        or turn_reason
    )
    depths = [8, *(depth for item in needed.values() for depth, _ in _coding(data, item))]
    greys = [is_grey for item in colours for _, is_grey in _coding(data, item)]
    return Picture(
        width=width,
        height=height,
        bit_depth=max(depths),
        is_grey=bool(greys) and all(greys),
        has_alpha=bool(alphas),
        turn=turn,
        icc=icc,
        items=frozenset(needed),
        thumbnails=thumbnails,
        reason=reason,
    )


def _part_shown(data: bytes, primary: Item, width: int, height: int) -> tuple[int, int]:
    """Width and height of what a decoder shows of a picture: two fractions, in a `clap` property; else all of it."""
    clap = primary.property_of(b"clap")
    if clap is None or clap.end - clap.body < 16:
        return width, height
    across, across_of, down, down_of = struct.unpack_from(">IIII", data, clap.body)
    return (
        (across // across_of or width, down // down_of or height)
        if across_of and down_of
        else (width, height)
    )


def _with_tiles(meta: Meta, item: Item) -> Iterable[Item]:
    yield item
    if item.kind == _GRID:
        yield from (meta.items[number] for number in item.refers_to(b"dimg") if number in meta.items)


def _aux_type(data: bytes, item: Item) -> bytes:
    box = item.property_of(b"auxC")
    return data[box.body + 4 : box.end].partition(b"\x00")[0] if box is not None else b""


def _coding(data: bytes, item: Item) -> Iterable[tuple[int, bool]]:
    """Bit depth, and whether there is one channel, of each codec configuration."""
    for box, _ in item.properties:
        body = data[box.body : box.end]
        if box.kind == b"av1C" and len(body) > 2:
            yield 12 if body[2] & 0x20 else 10 if body[2] & 0x40 else 8, bool(body[2] & 0x10)
        elif box.kind == b"hvcC" and len(body) > 18:
            yield 8 + max(body[17] & 7, body[18] & 7), not body[16] & 3


def _items_reason(data: bytes, meta: Meta, needed: dict[int, Item], thumbnails: frozenset[int]) -> str | None:
    """Why the file holds more than one picture and metadata."""
    for item in meta.items.values():
        aux = _aux_type(data, item)
        if item.kind == _GAIN_MAP or _GAIN_MAP_URN in aux:
            return "an HDR gain map beside the picture"
        if item.is_protected or item.is_elsewhere:
            return (
                f"an item of kind {item.kind.decode('latin-1')!r} whose bytes lie elsewhere or are protected"
            )
        if item.number in needed or item.number in thumbnails or item.kind in _METADATA:
            continue
        if aux:
            return f"an auxiliary picture ({aux.decode('latin-1')})"
        return f"another item beside the picture (of kind {item.kind.decode('latin-1')!r})"
    return None


def _codec_reason(items: Iterable[Item], codec: bytes) -> str | None:
    for item in items:
        if item.kind not in (codec, _GRID):
            return f"a picture of kind {item.kind.decode('latin-1')!r}, which is not decoded here"
    return None


def _property_reason(items: Iterable[Item]) -> str | None:
    for item in items:
        kinds = [box.kind for box, _ in item.properties]
        if b"clap" in kinds:
            return "pixels outside the part that is shown (clap)"
        if _LAYERS & set(kinds):
            return "a picture in layers"
        for box, is_essential in item.properties:
            if is_essential and box.kind not in _UNDERSTOOD:
                return f"the property {box.name!r}"
    return None


def _reference_reason(meta: Meta) -> str | None:
    for item in meta.items.values():
        for kind, _ in item.references:
            if kind not in _REFERENCES:
                return f"a reference of kind {kind.decode('latin-1')!r} between its items"
    return None


def _colour(data: bytes, meta: Meta, primary: Item) -> tuple[bytes | None, str | None]:
    """The profile, and why the colours are none that it or sRGB describes."""
    icc, reason = None, None
    primaries, transfer = _UNSPECIFIED
    for box, _ in primary.properties:
        body = data[box.body : box.end]
        if box.kind != b"colr":
            continue
        if body[:4] in (b"prof", b"rICC"):
            if icc is not None:
                return icc, "two colour profiles"
            icc = body[4:] or None
        elif body[:4] == b"nclx" and len(body) >= 8:
            primaries, transfer = struct.unpack_from(">HH", body, 4)
        else:
            reason = "colours of an unknown kind"
    if icc is None and (primaries, transfer) == _UNSPECIFIED:
        stream = next((item for item in _with_tiles(meta, primary) if item.kind != _GRID), primary)
        if stream.kind != b"av01":
            return None, reason or "colours that only its codestream describes"
        primaries, transfer = av1_colours(meta.bytes_of(data, stream))
    if primaries not in _PLAIN_COLOURS or transfer not in _PLAIN_TRANSFERS:
        reason = f"colours that only CICP describes (primaries {primaries}, transfer {transfer})"
    return icc, reason


def _turn(data: bytes, primary: Item) -> tuple[int, str | None]:
    """The orientation, and why it is none of the eight."""
    turns: list[Box] = [box for box, _ in primary.properties if box.kind in (b"irot", b"imir")]
    if [box.kind for box in turns] not in ([], [b"irot"], [b"imir"], [b"irot", b"imir"]):
        return 1, "an unusual order of turns"
    angle = data[turns[0].body] & 3 if turns and turns[0].kind == b"irot" else 0
    if turns and turns[-1].kind == b"imir":
        return _MIRRORED[data[turns[-1].body] & 1][angle], None
    return _ROTATED[angle], None
