"""Formats of a header and then samples, as far as it takes to find these: BMP, PNM and PFM, NPY, FITS, TGA.

Each function gives None for another format, or a variant with compressed samples; headers may lie, so whoever asks
holds the grid against the file, and takes any exception for None.
"""

from __future__ import annotations

import io
import math
import re
import struct
from typing import Final

import numpy as np

from pipeline.packing.grid import Grid, Run

_PNM: Final = re.compile(rb"P([56])(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)\s")
_PAM: Final = re.compile(rb"P7\n(?:[^\n]*\n){1,64}?ENDHDR\n")
_PFM: Final = re.compile(rb"P([Ff])\s+(\d+)\s+(\d+)\s+(-?[\d.]+)\s")
_FITS_TYPES: Final = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_FITS_BLOCK: Final = 2880
_FITS_CARD: Final = 80
_MOST_BANDS: Final = 4


def bmp(data: bytes) -> Grid | None:
    """Windows bitmaps with 8, 24 or 32 bits a pixel; rows are padded to four bytes."""
    if data[:2] != b"BM":
        return None
    offset, header_bytes = struct.unpack_from("<II", data, 10)
    if header_bytes < 40:
        return None
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    if bits not in (8, 24, 32) or compression not in (0, 3):
        return None
    bands = bits // 8
    return _rows("|u1", width, bands, abs(height), offset, stride=-(-width * bands // 4) * 4)


def pnm(data: bytes) -> Grid | None:
    """Binary PGM, PPM and PAM with one or two bytes a sample, and PFM."""
    if match := _PNM.match(data):
        width, height, most = int(match[2]), int(match[3]), int(match[4])
        return _rows("|u1" if most < 256 else ">u2", width, 3 if match[1] == b"6" else 1, height, match.end())
    if match := _PFM.match(data):
        dtype = "<f4" if float(match[4]) < 0 else ">f4"
        return _rows(dtype, int(match[2]), 3 if match[1] == b"F" else 1, int(match[3]), match.end())
    if match := _PAM.match(data):
        lines = (line.split(None, 1) for line in match[0].splitlines())
        said = {words[0]: words[1] for words in lines if len(words) == 2}
        width, height, bands, most = (int(said[name]) for name in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"))
        return _rows("|u1" if most < 256 else ">u2", width, bands, height, match.end())
    return None


def npy(data: bytes) -> Grid | None:
    """NumPy's own format: the last axes are width and, where it is short, bands."""
    if not data.startswith(b"\x93NUMPY"):
        return None
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        return None
    shape, is_fortran, dtype = read_header(stream)
    axes = tuple(reversed(shape)) if is_fortran else shape
    if not axes:
        return None
    bands = axes[-1] if len(axes) > 2 and axes[-1] <= _MOST_BANDS else 1
    lengths = axes[:-1] if bands > 1 else axes
    return _rows(dtype.str, lengths[-1], bands, math.prod(lengths[:-1]), stream.tell())


def fits(data: bytes) -> Grid | None:
    """The primary image of a FITS file; planes are further rows."""
    if not data.startswith(b"SIMPLE  ="):
        return None
    said: dict[bytes, bytes] = {}
    at = 0
    while (card := data[at : at + _FITS_CARD])[:8] != b"END     ":
        if len(card) < _FITS_CARD:
            return None
        said.setdefault(card[:8].rstrip(), card[10:].partition(b"/")[0].strip())
        at += _FITS_CARD
    start = -(-(at + _FITS_CARD) // _FITS_BLOCK) * _FITS_BLOCK
    lengths = [int(said[b"NAXIS%d" % (number + 1)]) for number in range(int(said[b"NAXIS"]))]
    if not lengths:
        return None
    return _rows(_FITS_TYPES[int(said[b"BITPIX"])], lengths[0], 1, math.prod(lengths[1:]), start)


def tga(data: bytes) -> Grid | None:
    """Truevision files with 8, 24 or 32 bits a pixel and no compression."""
    id_bytes, has_map, kind = struct.unpack_from("<BBB", data)
    map_entries, map_bits = struct.unpack_from("<HB", data, 5)
    width, height, bits = struct.unpack_from("<HHB", data, 12)
    if has_map > 1 or kind not in (1, 2, 3) or bits not in (8, 24, 32):
        return None
    offset = 18 + id_bytes + has_map * map_entries * (-(-map_bits // 8))
    return _rows("|u1", width, bits // 8, height, offset)


def _rows(dtype: str, width: int, bands: int, height: int, offset: int, stride: int | None = None) -> Grid:
    row_bytes = width * bands * np.dtype(dtype).itemsize
    run = Run(offset=offset, rows=height, stride=row_bytes if stride is None else stride)
    return Grid(dtype=dtype, width=width, bands=bands, runs=(run,))
