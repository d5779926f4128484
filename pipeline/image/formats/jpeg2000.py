"""JPEG 2000: every box and every segment of the codestream is the picture, metadata, or carried."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pipeline.errors import SourceError
from pipeline.image.formats.accounting import Account
from pipeline.image.formats.header import Header, bare_exif, depth_reason, orientation_of
from pipeline.image.formats.iso_boxes import Box, boxes, top_boxes
from pipeline.image.formats.jpeg2000_codestream import START, Components, claim_codestream, read_components

_WHAT = "JPEG 2000"
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF_UUID = b"JpgTiffExif->JP2"
_UUID_BYTES = 16
_SRGB, _GREY = 16, 17
_ENUMERATED = {_SRGB: 3, _GREY: 1}
"""Colour channels of the colour spaces that are shown as they are."""
_OTHER_PICTURES = frozenset((b"jpch", b"jplh", b"ftbl", b"dtbl", b"moov", b"mdat", b"comp", b"copt", b"inst"))
"""Boxes of JPX and Motion JPEG 2000: layers, fragments, films."""
_COLOUR, _OPACITY, _WHOLE_IMAGE = 0, 1, 0
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def jpeg2000_header(data: bytes) -> Header:
    """Read the header of a JP2 file or a bare JPEG 2000 codestream.

    Raises:
        SourceError: truncated, or there is no codestream.
    """
    account = Account(len(data))
    if data.startswith(START):
        reason = claim_codestream(data, 0, len(data), account)
        for start, _ in account.gaps()[-1:]:
            account.carry_trailer(data, start)
        components = read_components(data, 0)
        if len(components.depths) in (2, 4):
            reason = reason or f"{len(components.depths)} channels of unknown meaning"
        return _header(data, components, account, reason)
    top, end = top_boxes(data, _WHAT, needed=b"jp2c")
    streams = [box for box in top if box.kind == b"jp2c"]
    if not streams or data[streams[0].body : streams[0].body + 4] != START:
        raise SourceError("damaged JPEG 2000: no codestream")
    components = read_components(data, streams[0].body)
    reason = _boxes_reason(top)
    if reason is None:
        reason = _claim(data, top, components, account)
        account.carry_trailer(data, end)
    return _header(data, components, account, reason)


def _header(data: bytes, components: Components, account: Account, reason: str | None) -> Header:
    depths = components.depths
    small = f"{min(depths)}-bit samples" if min(depths) < 8 else None
    return Header(
        width=components.width,
        height=components.height,
        mode=_MODES.get(len(depths), f"{len(depths)} channels"),
        bit_depth=max(depths),
        unmodelled=depth_reason(max(depths)) or small or _components_reason(components) or reason,
        exif=account.exif,
        icc=account.icc,
        xmp=account.xmp,
        carried=account.carried,
        account=account,
        orientation=orientation_of(account.exif),
        stream=data,
    )


def _components_reason(components: Components) -> str | None:
    if len(components.depths) not in _MODES:
        return f"{len(components.depths)} colour channels"
    if components.is_signed:
        return "signed samples"
    return "channels of different sizes" if components.is_subsampled else None


def _boxes_reason(top: list[Box]) -> str | None:
    kinds = [box.kind for box in top]
    if kinds.count(b"jp2c") > 1:
        return f"{kinds.count(b'jp2c')} codestreams in one file"
    if kinds.count(b"jp2h") != 1:
        return "no header that describes one picture"
    if others := _OTHER_PICTURES.intersection(kinds):
        return f"more than a still picture (a box of kind {min(others).decode()!r})"
    return None


def _claim(data: bytes, top: list[Box], components: Components, account: Account) -> str | None:
    """Claim all boxes; returns why that cannot be done."""
    reason: str | None = None
    for box in top:
        body = data[box.body : box.end]
        if box.kind in (b"jP  ", b"ftyp"):
            account.layout(*box.span)
        elif box.kind == b"jp2h":
            reason = reason or _claim_header(data, box, components, account)
        elif box.kind == b"jp2c":
            account.layout(box.start, box.body)
            reason = reason or claim_codestream(data, box.body, box.end, account)
        elif body.startswith(_XMP_UUID) and box.kind == b"uuid" and account.xmp is None and body[16:]:
            account.take_xmp(*box.span, body[_UUID_BYTES:])
        elif body.startswith(_EXIF_UUID) and box.kind == b"uuid" and account.exif is None and body[16:]:
            account.take_exif(*box.span, bare_exif(body[_UUID_BYTES:]) or b"")
        else:
            account.carry(*box.span, box.name, body)
    return reason


@dataclass(slots=True, kw_only=True)
class _Colour:
    """What the header box says of colours."""

    channels: int | None = None
    """Of the colour space; None when nothing tells."""
    reason: str | None = None
    has_alpha: bool = False


def _claim_header(data: bytes, box: Box, components: Components, account: Account) -> str | None:
    """Claim the boxes in the header box; returns why the picture is not one that is modelled."""
    account.layout(box.start, box.body)
    colour, count = _Colour(), len(components.depths)
    has_colour = False
    for child in boxes(data, box.body, box.end, _WHAT):
        body = data[child.body : child.end]
        if child.kind == b"colr" and not has_colour:
            has_colour = True
            _claim_colour(child, body, colour, account)
        elif child.kind == b"cdef":
            account.layout(*child.span)
            colour.has_alpha = count in (2, 4)
            if body != _plain_channels(count):
                colour.reason = colour.reason or "channels of other meanings than colour and opacity"
        elif child.kind in (b"ihdr", b"bpcc"):
            account.layout(*child.span)
        else:
            account.carry(*child.span, child.name, body)
            if child.kind in (b"pclr", b"cmap"):
                colour.reason = "a palette"
    return colour.reason or _count_reason(colour, count)


def _claim_colour(box: Box, body: bytes, colour: _Colour, account: Account) -> None:
    method = body[0] if body else 0
    if method == 1 and len(body) >= 7:
        space = int.from_bytes(body[3:7], "big")
        colour.channels = _ENUMERATED.get(space)
        if colour.channels is None:
            colour.reason = f"colour space {space}"
        account.layout(*box.span)
    elif method in (2, 3) and len(body) > 3:
        account.take_icc([box.span], body[3:])
        colour.channels = {b"GRAY": 1, b"RGB ": 3}.get(body[3 + 16 : 3 + 20])
        if colour.channels is None:
            colour.reason = "a profile of a colour space that is neither RGB nor grey"
    else:
        colour.reason = f"colours specified by method {method}"
        account.layout(*box.span)


def _count_reason(colour: _Colour, count: int) -> str | None:
    if colour.channels is None:
        return "colours that nothing describes"
    if count != colour.channels + colour.has_alpha:
        return f"{count} channels, of which {colour.channels} make a colour"
    return None


def _plain_channels(count: int) -> bytes:
    """The channel definitions of so many channels in their order, opacity last."""
    colours = count - (count in (2, 4))
    rows = [(channel, _COLOUR, channel + 1) for channel in range(colours)]
    if colours < count:
        rows.append((colours, _OPACITY, _WHOLE_IMAGE))
    return struct.pack(">H", count) + b"".join(struct.pack(">HHH", *row) for row in rows)
