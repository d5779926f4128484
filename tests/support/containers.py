"""Small files of container formats as lists of blocks, so that a test can put others between them."""

from __future__ import annotations

import struct
from functools import cache

import numpy as np
import PIL.Image

from tests.support.odd_images import png_chunk, png_file, saved, texture

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GIF_XMP_TAIL = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"


def jpeg_segment(marker: int, body: bytes) -> bytes:
    """One marker segment with its length."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    """One RIFF chunk, padded to an even length."""
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def riff_webp(chunks: list[bytes]) -> bytes:
    """A WebP file of these chunks."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif_sub_blocks(body: bytes) -> bytes:
    """Sub-blocks of at most 255 bytes, and the empty one that ends them."""
    pieces = [body[at : at + 255] for at in range(0, len(body), 255)]
    return b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\x00"


def gif_application(name: bytes, body: bytes) -> bytes:
    """An application extension; the name has 11 bytes."""
    return b"\x21\xff\x0b" + name + gif_sub_blocks(body)


def mpf_index(picture_type: int, num_bytes: int) -> bytes:
    """The body of an APP2 segment that lists the picture itself and one more, of that type and size."""
    entries = struct.pack("<IIIHH", 0x030000, 0, 0, 0, 0) + struct.pack(
        "<IIIHH", picture_type, num_bytes, 0, 0, 0
    )
    directory = struct.pack("<HHHIIHHIII", 2, 0xB001, 4, 1, 2, 0xB002, 7, len(entries), 38, 0)
    return b"MPF\x00II*\x00\x08\x00\x00\x00" + directory + entries


@cache
def jpeg_blocks(*, progressive: bool = False) -> tuple[bytes, ...]:
    """A tiny JPEG: its start, each segment of its header, each scan with its data, its end."""
    data = saved(texture(16, 24), "JPEG", progressive=progressive)
    cuts, at = [0, 2], 2
    while data[at + 1] != 0xD9:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xDA:
            while data[end] != 0xFF or data[end + 1] == 0:
                end += 1
        cuts.append(end)
        at = end
    return tuple(data[start:end] for start, end in zip(cuts, [*cuts[1:], len(data)], strict=True))


@cache
def png_blocks() -> tuple[bytes, ...]:
    """A tiny RGB PNG: its signature and its chunks."""
    data = saved(texture(9, 12), "PNG")
    blocks, at = [data[:8]], 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        blocks.append(data[at:end])
        at = end
    return tuple(blocks)


def png_with(*chunks: bytes, before: bytes = b"IDAT") -> bytes:
    """A tiny PNG with these chunks before its first one of that kind."""
    blocks = list(png_blocks())
    at = next(n for n, block in enumerate(blocks) if block[4:8] == before)
    return b"".join((*blocks[:at], *chunks, *blocks[at:]))


@cache
def webp_picture() -> bytes:
    """The `VP8L` chunk of a tiny WebP of 12x9 pixels."""
    return saved(texture(9, 12), "WEBP", lossless=True)[12:]


def webp_with(before: list[bytes], after: list[bytes], *, flags: int = 0x2C) -> bytes:
    """A tiny WebP with chunks before and behind its picture; the flags announce ICC, EXIF and XMP."""
    head = riff_chunk(b"VP8X", struct.pack("<I", flags) + b"\x0b\x00\x00\x08\x00\x00")
    return riff_webp([head, *before, webp_picture(), *after])


@cache
def gif_blocks() -> tuple[bytes, ...]:
    """A tiny GIF: its header with the palette, its picture, its end mark."""
    data = saved(PIL.Image.fromarray(texture(9, 12)).quantize(16), "GIF")
    head = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    return data[:head], data[data.index(b"\x2c", head) : -1], data[-1:]


def gif_with(*blocks: bytes, after: bytes = b"") -> bytes:
    """A tiny GIF with these blocks before its picture."""
    head, picture, end = gif_blocks()
    return b"".join((b"GIF89a" + head[6:], *blocks, picture, after, end))


def bmp_file(
    *,
    bits: int = 24,
    rows: bytes | None = None,
    colours: bytes = b"",
    masks: tuple[int, ...] = (),
    palette: bytes = b"",
    gap: bytes = b"",
    after: bytes = b"",
    resolution: int = 2835,
    width: int = 12,
    compression: int = 0,
) -> bytes:
    """A BMP of 9 rows. `colours` are the bytes of a version 4 or 5 header from the kind of colours on."""
    size = 40 if not colours else 108 if len(colours) == 52 else 124
    if rows is None:
        rows = texture(9, 12)[..., ::-1].tobytes() if bits == 24 else bytes(9 * ((12 * bits + 31) // 32 * 4))
    fields = struct.pack(
        "<IiiHHIIiiII",
        size,
        width,
        9,
        1,
        bits,
        3 if masks else compression,
        len(rows),
        resolution,
        resolution,
        len(palette) // 4,
        0,
    )
    own_masks = struct.pack(f"<{len(masks)}I", *masks)
    head = fields + (own_masks if not colours else own_masks.ljust(16, b"\x00") + colours)
    pixels_at = 14 + len(head) + len(palette) + len(gap)
    size_of_file = pixels_at + len(rows) + len(after)
    return b"BM" + struct.pack("<IHHI", size_of_file, 0, 0, pixels_at) + head + palette + gap + rows + after


def one_frame_apng() -> bytes:
    """An animated PNG whose only frame is its picture."""
    control = struct.pack(">IIIIIHHBB", 0, 12, 9, 0, 0, 1, 10, 0, 0)
    return png_with(png_chunk(b"acTL", struct.pack(">II", 1, 0)), png_chunk(b"fcTL", control))


def noise(num_bytes: int, seed: int = 0) -> bytes:
    """Bytes of no meaning."""
    return np.random.default_rng(seed).bytes(num_bytes)


def jpeg(*segments: bytes, after: bytes = b"") -> bytes:
    """A tiny JPEG with more segments behind its start, and bytes behind its end."""
    start, *rest = jpeg_blocks()
    return b"".join((start, *segments, *rest, after))


def app(number: int, body: bytes) -> bytes:
    """An application segment of a JPEG."""
    return jpeg_segment(0xE0 + number, body)


def ends_without_mark(after: bytes) -> bytes:
    """A tiny JPEG with these bytes for its end mark."""
    return jpeg()[:-2] + after


def with_frame(marker: int, *changes: tuple[int, int]) -> bytes:
    """A tiny JPEG whose frame has another marker and other bytes of its body."""
    blocks = list(jpeg_blocks())
    at = next(n for n, block in enumerate(blocks) if block[1] == 0xC0)
    frame = bytearray(blocks[at])
    frame[1] = marker
    for offset, value in changes:
        frame[4 + offset] = value
    blocks[at] = bytes(frame)
    return b"".join(blocks)


def idat_split_by(chunk: bytes, *, at: int = 20) -> bytes:
    """A tiny PNG with a chunk in the midst of its picture data, or with its picture data in two chunks."""
    picture = next(block for block in png_blocks() if block[4:8] == b"IDAT")[8:-4]
    pieces = [png_chunk(b"IDAT", picture[:at]), chunk, png_chunk(b"IDAT", picture[at:])]
    return b"".join((PNG_SIGNATURE, png_blocks()[1], *pieces, png_blocks()[-1]))


def grey_png(depth: int, *chunks: bytes) -> bytes:
    """A grey PNG of 8x1 pixels, with more chunks before the picture data."""
    return png_file(8, 1, depth, 0, b"\x00" + bytes(range(depth)), *chunks)


def palette_png(entries: int, *chunks: bytes) -> bytes:
    """A PNG of 8x1 pixels with a palette, of 2 bits each."""
    return png_file(8, 1, 2, 3, b"\x00\x1b\x1b", png_chunk(b"PLTE", noise(3 * entries)), *chunks)


def v5(kind: bytes, *, points: bytes = bytes(48), profile: tuple[int, int] = (0, 0)) -> bytes:
    """A version 5 BMP header from its kind of colours on; a profile is its offset in the header, and its size."""
    return kind + points + struct.pack("<4I", 4, *profile, 0)


def bmp_with_profile(icc: bytes, kind: bytes = b"DEBM", after: bytes = b"") -> bytes:
    """A BMP with a profile behind its pixels."""
    rows = 9 * 36
    return bmp_file(colours=v5(kind, profile=(124 + rows, len(icc))), after=icc + after)
