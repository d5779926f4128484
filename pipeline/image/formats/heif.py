"""AVIF and HEIF: every box and item is the picture, metadata, or carried; a second picture makes the file be kept."""

from __future__ import annotations

import io

from PIL.ImageFile import ImageFile

from pipeline.errors import SourceError
from pipeline.image.formats.accounting import Account
from pipeline.image.formats.exif_turn import with_orientation
from pipeline.image.formats.header import Header, animation_reason, bare_exif, depth_reason, orientation_of
from pipeline.image.formats.heif_account import HeifAccount, exif_item, xmp_item
from pipeline.image.formats.heif_items import Meta, read_meta
from pipeline.image.formats.heif_picture import find_picture
from pipeline.image.formats.iso_boxes import Box, boxes, top_boxes


def avif_header(data: bytes) -> Header:
    """Read the header of an AVIF file.

    Raises:
        SourceError: truncated or damaged.
    """
    return _header(data, "AVIF", b"av01")


def heif_header(data: bytes) -> Header:
    """Read the header of a HEIC file.

    Raises:
        SourceError: truncated or damaged.
    """
    return _header(data, "HEIF", b"hvc1")


def open_heif(data: bytes) -> ImageFile:
    """Open a HEIC file; its picture is decoded when it is loaded."""
    from pi_heif import HeifImageFile  # its libraries are loaded only where there are such files

    picture: ImageFile = HeifImageFile(io.BytesIO(data))
    return picture


def _header(data: bytes, what: str, codec: bytes) -> Header:
    top, end = top_boxes(data, what, needed=b"mdat")
    metas = [box for box in top if box.kind == b"meta"]
    reason = _file_reason(data, top)
    if not metas:
        if reason is None:
            raise SourceError(f"damaged {what}: no item is described")
        return Header(
            width=0, height=0, mode="RGB", unmodelled=reason, account=Account(len(data)), stream=data
        )
    meta = read_meta(data, metas[0])
    picture = find_picture(data, meta, codec)
    source = exif_item(meta)
    exif = _exif_of(meta.bytes_of(data, source)) if source is not None else None
    turned = exif if picture.turn == (orientation_of(exif) or 1) else with_orientation(exif, picture.turn)
    reason = reason or depth_reason(picture.bit_depth) or picture.reason
    if turned is None and picture.turn > 1:
        reason = reason or "an orientation beside broken EXIF"
    xmp = xmp_item(meta)
    account = Account(len(data))
    account.exif, account.icc = turned, picture.icc
    account.xmp = meta.bytes_of(data, xmp) or None if xmp is not None else None
    if reason is None:
        is_exact = exif is not None and turned == exif
        HeifAccount(data, meta, picture, account).claim(top, end, exif=source if is_exact else None)
    return Header(
        width=picture.width,
        height=picture.height,
        mode=("L" if picture.is_grey else "RGB") + ("A" if picture.has_alpha else ""),
        bit_depth=picture.bit_depth,
        unmodelled=reason,
        exif=account.exif,
        icc=account.icc,
        xmp=account.xmp,
        carried=account.carried,
        account=account,
        orientation=orientation_of(account.exif),
        is_grey=picture.is_grey,
        stream=_for_the_decoder(data, meta),
    )


def _file_reason(data: bytes, top: list[Box]) -> str | None:
    """Why the boxes of a file tell of more than one still picture."""
    kinds = [box.kind for box in top]
    if b"moov" in kinds:
        counts = [
            int.from_bytes(data[box.body + 8 : box.body + 12], "big")
            for movie in top
            if movie.kind == b"moov"
            for box in _sample_sizes(data, movie)
        ]
        return animation_reason(max(counts, default=0)) or "a picture sequence"
    if b"mini" in kinds:
        return "a picture in a `mini` box, which is not decoded here"
    if kinds.count(b"meta") > 1:
        return "two boxes that describe items"
    if any(box.kind == b"ftyp" and b"tmap" in data[box.body : box.end] for box in top):
        return "an HDR gain map beside the picture"
    return None


def _sample_sizes(data: bytes, movie: Box) -> list[Box]:
    """The tables of frame sizes in a movie."""
    found: list[Box] = []
    pending = [movie]
    while pending:
        for box in boxes(data, pending[0].body, pending[0].end, "HEIF"):
            if box.kind in (b"trak", b"mdia", b"minf", b"stbl"):
                pending.append(box)
            elif box.kind == b"stsz":
                found.append(box)
        pending.pop(0)
    return found


def _exif_of(item: bytes) -> bytes | None:
    """The EXIF of an item, which says first how many bytes stand before it."""
    skipped = int.from_bytes(item[:4], "big")
    before = item[4 : 4 + skipped]
    return bare_exif(item[4:] if before == b"Exif\x00\x00" else item[4 + skipped :])


def _for_the_decoder(data: bytes, meta: Meta) -> bytes:
    """The file with nothing that turns the picture, and without EXIF that a decoder could stumble over."""
    patched = bytearray(data)
    for box in meta.properties:
        if box.kind in (b"irot", b"imir") and box.end - box.body == 1:
            patched[box.start + 4 : box.start + 8] = b"irot"
            patched[box.body] = 0
    for info in meta.infos:
        at = data.find(b"Exif", info.body, info.end)
        if at >= 0:
            patched[at : at + 4] = b"exif"
    return bytes(patched)
