"""TIFF: what its first directory says, through Pillow, which parses it on opening."""

from __future__ import annotations

import struct

import PIL.Image
from PIL.TiffImagePlugin import TiffImageFile

from pipeline.errors import SourceError
from pipeline.image.formats.header import Header, bare_exif, depth_reason

_SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION = 254, 256, 257, 258, 262, 274
_TILE_WIDTH, _TILE_HEIGHT, _SUB_IFDS, _DNG_VERSION = 322, 323, 330, 50706
_RAW_PHOTOMETRICS = (32803, 34892)
"""Colour filter array, linear raw."""
_DESCRIPTIVE = (270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 33432, 40091, 40092, 40093, 40094, 40095)
"""Directory entries that describe the picture rather than lay out the file: what EXIF takes over."""
_SUB_DIRECTORIES = (0x8769, 0x8825)
"""Exif and GPS."""
_BROKEN_EXIF = (
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    struct.error,
)
_MAX_TILE_PIXELS = 4096 * 4096


def tiff_header(picture: TiffImageFile, data: bytes) -> Header:
    """Read the header of an opened TIFF file; no pixel is decoded.

    Raises:
        SourceError: a layout that cannot be.
    """
    tags = picture.tag_v2
    tile = _as_int(tags.get(_TILE_WIDTH)) * _as_int(tags.get(_TILE_HEIGHT))
    width, height = int(tags[_WIDTH]), int(tags[_HEIGHT])
    if tile > max(_MAX_TILE_PIXELS, 4 * width * height):
        raise SourceError(f"damaged TIFF: tiles of {tile:,} pixels in a picture of {width}x{height}")
    bit_depth = _bit_depth(tags.get(_BITS, 1))
    orientation = tags.get(_ORIENTATION)
    return Header(
        width=width,
        height=height,
        mode=picture.mode,
        bit_depth=bit_depth,
        unmodelled=_unmodelled(picture, bit_depth),
        exif=_exif(picture),
        icc=_as_bytes(picture.info.get("icc_profile")),
        xmp=_as_bytes(picture.info.get("xmp")),
        orientation=orientation if orientation in range(1, 9) else None,
        stream=data,
    )


def _unmodelled(picture: TiffImageFile, bit_depth: int) -> str | None:
    tags = picture.tag_v2
    if (
        _DNG_VERSION in tags
        or tags.get(_PHOTOMETRIC) in _RAW_PHOTOMETRICS
        or (_SUB_IFDS in tags and _as_int(tags.get(_SUBFILE_TYPE)) & 1)
    ):
        return f"a camera raw file ({'DNG' if _DNG_VERSION in tags else 'TIFF based: NEF, ARW, ...'})"
    if picture.is_animated:  # its frame count would walk every directory of a hostile file
        return "a TIFF of several pages"
    if _SUB_IFDS in tags:
        return "a TIFF with sub-images"
    if bit_depth > 8 and picture.mode != "F":
        return depth_reason(bit_depth)
    return None


def _bit_depth(bits: object) -> int:
    values = bits if isinstance(bits, tuple) else (bits,)
    return max((value for value in values if isinstance(value, int)), default=1)


def _exif(picture: TiffImageFile) -> bytes | None:
    """The descriptive entries as an EXIF block: a TIFF file has the structure of one, and contains none."""
    exif = PIL.Image.Exif()
    try:
        source = picture.getexif()
        for tag in _DESCRIPTIVE:
            if tag in source:
                exif[tag] = source[tag]
        for tag in _SUB_DIRECTORIES:
            if tag in source and (entries := source.get_ifd(tag)):
                exif[tag] = dict(entries)
        return bare_exif(exif.tobytes()) if exif else None
    except _BROKEN_EXIF:  # entries of impossible types do not make the picture unreadable
        return None


def _as_int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _as_bytes(value: object) -> bytes | None:
    return value or None if isinstance(value, bytes) else None
