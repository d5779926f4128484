"""BMP: one header, and offsets to the palette, the pixels and the profile."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.errors import SourceError
from pipeline.image.formats.accounting import TRAILER, Account
from pipeline.image.formats.bmp_colours import colours_reason, embedded_profile
from pipeline.image.formats.header import Header

_FILE_HEADER_BYTES: Final = 14
_OLD_HEADER_BYTES: Final = 12
_DECODED_HEADERS: Final = (_OLD_HEADER_BYTES, 40, 52, 56, 64, 108, 124)
_DECODED_BITS: Final = (1, 4, 8, 16, 24, 32)
_MAX_COLOURS: Final = 256
_BITFIELDS: Final = 3
_CODES: Final = {1: "run-length codes", 2: "run-length codes", 4: "a JPEG inside", 5: "a PNG inside"}
_PLAIN_MASKS: Final[dict[int, int]] = {16: 0x7FFF, 32: 0x00FFFFFF}
"""The bits in use of a pixel that no masks describe."""
_DECODED_MASKS: Final[dict[tuple[int, tuple[int, ...]], int]] = {
    (16, (0xF800, 0x7E0, 0x1F, 0)): 0xFFFF,
    (16, (0x7C00, 0x3E0, 0x1F, 0)): 0x7FFF,
    (24, (0xFF0000, 0xFF00, 0xFF, 0)): 0xFFFFFF,
    (32, (0xFF0000, 0xFF00, 0xFF, 0)): 0x00FFFFFF,
    (32, (0xFF000000, 0xFF0000, 0xFF00, 0)): 0xFFFFFF00,
    (32, (0xFF000000, 0xFF00, 0xFF, 0)): 0xFF00FFFF,
    (32, (0xFF000000, 0xFF00, 0xFF, 0xFF0000)): 0xFFFFFFFF,
    (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)): 0xFFFFFFFF,
    (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)): 0xFFFFFFFF,
    (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)): 0xFFFFFFFF,
}
"""(bits of a pixel, masks of red, green, blue and alpha) that Pillow decodes, and the bits in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """What the header says. Offsets are bytes from the start of the file."""

    header_end: int
    width: int
    height: int
    bits: int
    compression: int = 0
    colours: int
    entry_bytes: int
    masks: tuple[int, ...] | None = None
    palette: int
    """Where it begins: behind the header, and the masks that may follow it."""
    pixels: int

    @property
    def palette_end(self) -> int:
        return min(self.palette + self.entry_bytes * self.colours, self.pixels)

    @property
    def row_bytes(self) -> int:
        return (self.width * self.bits + 31) // 32 * 4

    @property
    def pixels_end(self) -> int:
        return self.pixels + self.row_bytes * self.height

    @property
    def used_bits(self) -> int:
        """Of a pixel, as a mask."""
        if self.masks is not None:
            return _DECODED_MASKS[self.bits, self.masks]
        return _PLAIN_MASKS.get(self.bits, (1 << self.bits) - 1)


def bmp_header(data: bytes) -> Header:
    """Read the header of a BMP file and account for all of it.

    Raises:
        SourceError: truncated, or a layout that cannot be.
    """
    account = Account(len(data))
    layout = _layout(data)
    reason = _undecoded(layout)
    if reason is None:
        _claim(account, data, layout)
        reason = colours_reason(data, layout.header_end) or _hidden(data, layout)
    has_alpha = layout.masks is not None and layout.masks[3] != 0
    return Header(
        width=layout.width,
        height=layout.height,
        mode="P" if layout.bits <= 8 else "RGBA" if has_alpha else "RGB",
        unmodelled=reason,
        icc=account.icc,
        carried=account.carried,
        account=account,
        stream=data,
    )


def _layout(data: bytes) -> _Layout:
    try:
        pixels, header_bytes = struct.unpack_from("<II", data, 10)
        header_end = _FILE_HEADER_BYTES + header_bytes
        if header_bytes == _OLD_HEADER_BYTES:
            width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
            compression, colours, entry_bytes = 0, 0, 3
        elif header_bytes in _DECODED_HEADERS:
            width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
            (colours,), entry_bytes = struct.unpack_from("<I", data, 46), 4
        else:
            width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
            compression, colours, entry_bytes = 0, 0, 4
        palette, masks = header_end, None
        if compression == _BITFIELDS and header_bytes != 64:
            has_own_masks = header_bytes >= 52
            masks = struct.unpack_from("<IIII" if header_bytes >= 56 else "<III", data, 54)
            masks = masks if len(masks) == 4 else (*masks, 0)
            palette += 0 if has_own_masks else 12
    except struct.error as error:
        raise SourceError(f"truncated BMP: only {len(data):,} bytes") from error
    if width <= 0 or not height:
        raise SourceError(f"damaged BMP: the header says {width}x{height} pixels")
    return _Layout(
        header_end=header_end,
        width=width,
        height=abs(height),
        bits=bits,
        compression=compression,
        colours=colours or (2**bits if bits <= 8 else 0),
        entry_bytes=entry_bytes,
        masks=masks,
        palette=palette,
        pixels=pixels,
    )


def _undecoded(layout: _Layout) -> str | None:
    """Why the pixels are of a kind that is not decoded here."""
    header_bytes = layout.header_end - _FILE_HEADER_BYTES
    if header_bytes not in _DECODED_HEADERS:
        return f"a BMP header of {header_bytes} bytes, which is not decoded here"
    if layout.masks is None and layout.compression:
        return f"{_CODES.get(layout.compression, f'compression {layout.compression}')}, not decoded here"
    if layout.bits not in _DECODED_BITS:
        return f"{layout.bits} bits per pixel, which BMP readers do not agree on"
    if layout.bits <= 8 and layout.colours > _MAX_COLOURS:
        return f"a palette of {layout.colours:,} colours"
    if layout.masks is not None and (layout.bits, layout.masks) not in _DECODED_MASKS:
        shown = ", ".join(f"{mask:x}" for mask in layout.masks)
        return f"bit masks that are not decoded here ({shown} of {layout.bits} bits)"
    if layout.pixels < layout.palette:
        return "pixels that begin inside the header"
    return None


def _claim(account: Account, data: bytes, layout: _Layout) -> None:
    if layout.pixels_end > len(data):
        raise SourceError(
            f"truncated BMP: the header announces {layout.pixels_end:,} bytes, the file has {len(data):,}"
        )
    account.carry(0, layout.palette, "BMP:header", data[: layout.palette])
    palette = data[layout.palette : layout.palette_end]
    makes_pixels = layout.bits <= 8 and len(palette) <= layout.entry_bytes * 2**layout.bits
    if makes_pixels and not (layout.entry_bytes == 4 and any(palette[3::4])):
        account.picture(layout.palette, layout.palette_end)
    elif palette:
        account.carry(layout.palette, layout.palette_end, "BMP:palette", palette)
    account.picture(layout.pixels, layout.pixels_end)
    if profile := embedded_profile(data, layout.header_end):
        account.take_icc([profile], data[slice(*profile)])
    for start, end in account.gaps():
        account.carry(start, end, TRAILER if start >= layout.pixels_end else "BMP:gap", data[start:end])


def _hidden(data: bytes, layout: _Layout) -> str | None:
    """Why there may be more in the rows than a reader shows: what should be zero is not."""
    count = layout.row_bytes * layout.height
    rows = np.frombuffer(data, np.uint8, count, layout.pixels).reshape(layout.height, layout.row_bytes)
    full_bytes, rest_bits = divmod(layout.width * layout.bits, 8)
    padding = rows[:, full_bytes + (rest_bits > 0) :]
    if padding.any() or (rest_bits and (rows[:, full_bytes] & (0xFF >> rest_bits)).any()):
        return "padding of its rows that is not empty"
    pixel_bytes = layout.bits // 8
    for at in range(pixel_bytes):
        unused = ~layout.used_bits >> 8 * at & 0xFF
        samples = rows[:, at:full_bytes:pixel_bytes]
        if unused and (samples.any() if unused == 0xFF else (samples & unused).any()):
            return "bits of its pixels that are in no channel (a fourth channel of unknown meaning)"
    return None
