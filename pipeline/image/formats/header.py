"""What a header says, whatever the container, and the EXIF facts that all of them share."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from pipeline.image.formats.accounting import Account
from pipeline.types import CarriedPart

MAX_METADATA_BYTES = 64 * 2**20
"""Largest ICC profile, XMP packet or text that is inflated from a compressed chunk."""

_EXIF_PREFIX = b"Exif\x00\x00"
_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A picture as its header describes it. Metadata are the exact bytes of the container."""

    width: int
    height: int
    mode: str
    """Pillow's mode of the stored samples: 1, L, LA, P, RGB, RGBA, CMYK, I;16, ..."""
    bit_depth: int = 8
    unmodelled: str | None = None
    """The reason why the original file must be kept; None when the codec can represent it."""
    damage: str | None = None
    """What is wrong with the picture data, for a header that is sound; None when nothing is known to be."""
    is_doubtful: bool = False
    """Only decoding tells whether a file that is kept for `unmodelled` is sound."""
    exif: bytes | None = None
    """TIFF structure, without the `Exif\\0\\0` that some containers put before it."""
    icc: bytes | None = None
    xmp: bytes | None = None
    carried: tuple[CarriedPart, ...] = ()
    """All of the file that is neither pixels nor in a field of its own, in the order of the file."""
    orientation: int | None = None
    colour_key: tuple[int, ...] | None = None
    """The transparent colour of a file without an alpha plane (8-bit samples, one per channel)."""
    is_grey: bool = False
    """The samples are grey though the decoder gives three equal channels."""
    account: Account
    """Where every byte of the file goes."""
    stream: bytes
    """What to give the decoder: the file, or the file without the metadata a decoder could stumble over."""


def bare_exif(exif: bytes | None) -> bytes | None:
    """EXIF as `Header` holds it, the TIFF structure alone; None when there is nothing."""
    return (exif or b"").removeprefix(_EXIF_PREFIX) or None


def orientation_of(exif: bytes | None) -> int | None:
    """The EXIF orientation, 1..8; None when there is none or the EXIF is broken."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get((exif or b"")[:4])
    if exif is None or order is None:
        return None
    try:
        (ifd,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, ifd)
        for entry in range(ifd + 2, ifd + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, entry)
            if tag == _ORIENTATION_TAG and kind == 3:
                return value if 1 <= value <= 8 else None
    except struct.error:  # the directory runs past the end
        return None
    return None


def inflate(data: bytes | memoryview) -> bytes | None:
    """Inflate zlib metadata; None when they are broken, more than one stream, or larger than `MAX_METADATA_BYTES`."""
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(data, MAX_METADATA_BYTES)
    except zlib.error:
        return None
    return plain if inflater.eof and not inflater.unused_data else None


def animation_reason(frames: int) -> str | None:
    """Why a file of that many frames cannot be coded; None when it is a still picture."""
    return f"animation of {frames:,} frames" if frames > 1 else None


def depth_reason(bit_depth: int) -> str | None:
    """Why samples of that many bits cannot be coded; None when they fit 8 bits."""
    return f"{bit_depth}-bit samples" if bit_depth > 8 else None
