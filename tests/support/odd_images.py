"""Every odd file an archive meets, made on demand: what each is, and what its row should say.

`ODD_IMAGES` maps a file name to an `OddImage`. Nothing is read from disk; every `make()` gives the same bytes.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
from PIL.PngImagePlugin import PngInfo

from pipeline.types import Status

XMP = b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
BROKEN_ICC = b"this is no ICC profile at all"
BROKEN_EXIF = b"this is no TIFF structure"


@dataclass(frozen=True, slots=True, kw_only=True)
class OddImage:
    """One odd file."""

    name: str
    """File name."""
    make: Callable[[], bytes]
    status: Status
    """Of its row. A `coded` one that `is_tiny` may be kept: its coded form is hardly smaller than its source."""
    reason: str = ""
    """Part of the row's reason; empty when coded."""
    is_tiny: bool = False
    is_damaged: bool = False
    """Whether it is kept though it is no sound image."""


def texture(
    height: int = 120, width: int = 160, channels: int = 3, *, seed: int = 7
) -> npt.NDArray[np.uint8]:
    """Something photo-like, (H, W, channels): slopes and soft blobs under a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = []
    for channel in range(channels):
        phase = rng.uniform(0, 6, 4)
        plane = 128 + 60 * np.sin(x / 23 + phase[0]) * np.cos(y / 17 + phase[1])
        plane += 40 * np.sin((x + y) / (9 + channel) + phase[2]) + rng.normal(0, 9, (height, width))
        planes.append(plane)
    pixels: npt.NDArray[np.uint8] = np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)
    return pixels


def saved(array: npt.NDArray[Any] | PIL.Image.Image, fmt: str, **options: Any) -> bytes:
    """An array or picture as a file of one of Pillow's formats."""
    picture = array if isinstance(array, PIL.Image.Image) else PIL.Image.fromarray(_flat(array))
    if options.get("exif"):
        options["exif"] = b"Exif\x00\x00" + options["exif"]  # Pillow's JPEG writer wants it, others take it
    stream = io.BytesIO()
    picture.save(stream, fmt, **options)
    return stream.getvalue()


def _flat(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array


def exif_block(orientation: int | None = 1) -> bytes:
    """An EXIF block (TIFF structure alone) with an orientation, a maker and an exposure time."""
    exif = PIL.Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    exif[0x010F] = "Tenfold Optics"
    exif[0x8769] = {0x829A: 0.01, 0x927C: b"maker note\x00\x01\x02"}
    return exif.tobytes().removeprefix(b"Exif\x00\x00")


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_file(width: int, height: int, depth: int, colour: int, rows: bytes, *before_data: bytes) -> bytes:
    """A PNG file of raw rows (each with its filter byte), with more chunks before the picture data."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [png_chunk(b"IHDR", header), *before_data, png_chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + png_chunk(b"IEND", b"")


def tiff_file(entries: list[tuple[int, int, int, int]], body: bytes) -> bytes:
    """A little-endian TIFF of one directory of (tag, type, count, value) entries; the body starts at byte 8."""
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\x00" + struct.pack("<I", 8 + len(body)) + body + directory + bytes(4)


def jpeg_with_segment(data: bytes, marker: int, body: bytes) -> bytes:
    """A JPEG file with one more segment after its start."""
    return data[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body + data[2:]


@cache
def photo_jpeg() -> bytes:
    """A plain JPEG."""
    return saved(texture(), "JPEG", quality=95)


@cache
def photo_png() -> bytes:
    """A plain PNG."""
    return saved(texture(), "PNG")


def _frames(mode: str = "RGB", count: int = 3) -> tuple[PIL.Image.Image, list[PIL.Image.Image]]:
    pictures = [PIL.Image.fromarray(texture(48, 64, seed=seed)).convert(mode) for seed in range(count)]
    return pictures[0], pictures[1:]


def _many(fmt: str, mode: str = "RGB", **options: Any) -> bytes:
    first, others = _frames(mode)
    return saved(first, fmt, save_all=True, append_images=others, **options)


def _palette_with_transparency() -> bytes:
    picture = PIL.Image.fromarray(texture()).quantize(200)
    return saved(picture, "PNG", transparency=bytes(range(200)))


def _colour_key_png() -> bytes:
    pixels = texture(60, 80)
    pixels[10:20, 10:40] = (1, 2, 3)
    rows = b"".join(b"\x00" + row.tobytes() for row in pixels)
    return png_file(80, 60, 8, 2, rows, png_chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3)))


def _png_16_bit_rgb() -> bytes:
    deep = texture(60, 80).astype(">u2") * 257
    return png_file(80, 60, 16, 2, b"".join(b"\x00" + row.tobytes() for row in deep))


def _tiff_16_bit_rgb() -> bytes:
    pixels = (texture(60, 80).astype("<u2") * 257).tobytes()
    bits_at = 8 + len(pixels)
    short, long_ = 3, 4
    entries = [
        (256, long_, 1, 80),
        (257, long_, 1, 60),
        (258, short, 3, bits_at),
        (259, short, 1, 1),
        (262, short, 1, 2),
        (273, long_, 1, 8),
        (277, short, 1, 3),
        (278, long_, 1, 60),
        (279, long_, 1, len(pixels)),
    ]
    return tiff_file(entries, pixels + struct.pack("<HHH", 16, 16, 16))


def _lying_tiff() -> bytes:
    sizes = [(256, 4, 1, 2**31), (257, 4, 1, 2**31), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    return tiff_file([*sizes, (273, 4, 1, 8), (277, 3, 1, 1), (279, 4, 1, 16)], bytes(16))


def _header_bomb() -> bytes:
    return png_file(60_000, 60_000, 8, 2, b"\x00" * 64)


@cache
def _real_bomb() -> bytes:
    side = 12_000
    return png_file(side, side, 8, 0, bytes(side * (side + 1)))


def _text_bomb() -> bytes:
    bomb = b"comment\x00\x00" + zlib.compress(bytes(32 * 2**20))
    rows = b"".join(b"\x00" + row.tobytes() for row in texture(60, 80))
    return png_file(80, 60, 8, 2, rows, *[png_chunk(b"zTXt", bomb)] * 20)


def _giant_gif() -> bytes:
    data = bytearray(saved(texture(8, 8, 1), "GIF"))
    data[6:10] = struct.pack("<HH", 65_535, 65_535)
    return bytes(data)


def _ten_bit_avif() -> bytes:
    data = bytearray(saved(texture(64, 64), "AVIF", speed=10))
    data[data.index(b"av1C") + 6] |= 0x40  # the high-bit-depth flag of the AV1 configuration
    bits = data.index(b"pixi") + 9
    data[bits : bits + 3] = b"\x0a\x0a\x0a"
    return bytes(data)


def _heic_burst() -> bytes:
    brands = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"heic", 0, b"msf1", b"heic")
    return brands + struct.pack(">I4s", 8, b"moov")


def _dng() -> bytes:
    picture = PIL.Image.fromarray(texture(48, 64))
    return saved(picture, "TIFF", tiffinfo={50706: b"\x01\x04\x00\x00"})


def _rotated_tiff() -> bytes:
    return saved(texture(), "TIFF", tiffinfo={274: 6}, compression="tiff_lzw")


def _xmp_png() -> bytes:
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP, zip=True)
    return saved(texture(), "PNG", pnginfo=info, exif=exif_block(3))


def _all_odd() -> list[OddImage]:
    def coded(name: str, make: Callable[[], bytes], *, is_tiny: bool = False) -> OddImage:
        return OddImage(name=name, make=make, status="coded", is_tiny=is_tiny)

    def kept(name: str, make: Callable[[], bytes], reason: str) -> OddImage:
        return OddImage(name=name, make=make, status="kept", reason=reason)

    def damaged(name: str, make: Callable[[], bytes], reason: str) -> OddImage:
        return OddImage(name=name, make=make, status="kept", reason=reason, is_damaged=True)

    rgba = texture(channels=4)
    deep_grey = (texture(60, 80, 1).astype(np.uint16) * 257).squeeze()
    is_dark = PIL.Image.fromarray(texture(channels=1).squeeze()).convert("1")
    html = b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>"
    svg = b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'
    return [
        damaged("empty.jpg", lambda: b"", "empty (0 bytes)"),
        damaged("text.jpg", lambda: b"Dear diary, today I took no photo.\n", "begins with text 'Dear diary"),
        damaged("error-page.jpg", lambda: html, "HTML page"),
        kept("drawing.svg", lambda: svg, "SVG"),
        damaged("hole.jpg", lambda: bytes(5000), "zeros"),
        damaged("noise.jpg", lambda: np.random.default_rng(1).bytes(5000), "no known format"),
        damaged("document.png", lambda: b"%PDF-1.7\n" + bytes(100), "PDF"),
        damaged("pointer.png", lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "LFS"),
        kept("burst.heic", _heic_burst, "picture sequence"),
        kept("camera.dng", _dng, "camera raw"),
        damaged("truncated.jpg", lambda: photo_jpeg()[: len(photo_jpeg()) // 2], "truncated JPEG"),
        damaged("zero-tail.jpg", lambda: photo_jpeg()[:5000] + bytes(6000), "ends in zeros"),
        damaged("truncated-in-header.jpg", lambda: photo_jpeg()[:100], "truncated JPEG"),
        damaged("truncated.png", lambda: photo_png()[:-2000], "bytes are missing"),
        damaged("truncated.webp", lambda: saved(texture(), "WEBP")[:-500], "500 missing"),
        damaged("truncated.avif", lambda: saved(texture(), "AVIF", speed=10)[:-500], "500 bytes are missing"),
        damaged("truncated.gif", lambda: saved(texture(channels=1), "GIF")[:3000], "truncated GIF"),
        damaged("truncated.tiff", lambda: saved(texture(), "TIFF")[:3000], "TIFF"),
        damaged("truncated.bmp", lambda: saved(texture(), "BMP")[:3000], "truncated BMP"),
        damaged("bit-rot.png", lambda: photo_png()[:900] + b"rot" + photo_png()[903:], "checksum"),
        kept("bomb-header.png", _header_bomb, "60000x60000 pixels, over the limit of 100 megapixels"),
        kept("bomb-real.png", _real_bomb, "12000x12000 pixels, over the limit"),
        kept("bomb-canvas.gif", _giant_gif, "65535x65535 pixels, over the limit"),
        kept("bomb-lie.tiff", _lying_tiff, "over the limit"),
        coded("bomb-text.png", _text_bomb),
        coded("1x1.png", lambda: saved(texture(1, 1), "PNG"), is_tiny=True),
        coded("1x1.jpg", lambda: saved(texture(1, 1), "JPEG"), is_tiny=True),
        coded("1x20000.png", lambda: saved(texture(20_000, 1), "PNG")),
        coded("20000x1.jpg", lambda: saved(texture(1, 20_000), "JPEG", quality=95)),
        kept("16-bit-grey.png", lambda: saved(deep_grey, "PNG"), "16-bit"),
        kept("16-bit-rgb.png", _png_16_bit_rgb, "16-bit"),
        kept("16-bit-rgb.tiff", _tiff_16_bit_rgb, "16-bit"),
        kept("16-bit-grey.jp2", lambda: saved(deep_grey, "JPEG2000"), "16-bit"),
        kept("16-bit.ppm", lambda: b"P6\n# deep\n2 2\n65535\n" + bytes(24), "16-bit"),
        kept("10-bit.avif", _ten_bit_avif, "10-bit"),
        kept("cmyk.jpg", lambda: saved(PIL.Image.fromarray(texture()).convert("CMYK"), "JPEG"), "CMYK"),
        kept("lab.tiff", lambda: saved(PIL.Image.frombytes("LAB", (8, 8), bytes(192)), "TIFF"), "CIELAB"),
        kept("float.tiff", lambda: saved(texture(channels=1).squeeze() / np.float32(3), "TIFF"), "floating"),
        kept("int32.tiff", lambda: saved(np.arange(600, dtype=np.int32).reshape(20, 30), "TIFF"), "32-bit"),
        kept("bilevel.png", lambda: saved(is_dark, "PNG"), "bilevel"),
        kept("bilevel.tiff", lambda: saved(is_dark, "TIFF", compression="group4"), "bilevel"),
        kept("animated.gif", lambda: _many("GIF", "P"), "animation of 3 frames"),
        kept("animated.webp", lambda: _many("WEBP"), "animation of 3 frames"),
        kept("animated.png", lambda: _many("PNG"), "animation of 3 frames"),
        kept("animated.avif", lambda: _many("AVIF", speed=10), "animation of 3 frames"),
        kept("pages.tiff", lambda: _many("TIFF"), "several pages"),
        kept("pictures.mpo", lambda: _many("MPO"), "3 pictures in one file"),
        coded("motion-photo.jpg", lambda: photo_jpeg() + bytes(100_000)),
        *[
            coded(
                f"rotated-{turn}.jpg",
                partial(saved, texture(), "JPEG", quality=95, exif=exif_block(turn)),
            )
            for turn in range(1, 9)
        ],
        coded("rotated.tiff", _rotated_tiff),
        coded("broken-icc.jpg", lambda: saved(texture(), "JPEG", quality=95, icc_profile=BROKEN_ICC)),
        coded("broken-icc.png", lambda: saved(texture(), "PNG", icc_profile=BROKEN_ICC)),
        coded("broken-icc-part.jpg", lambda: jpeg_with_segment(photo_jpeg(), 0xE2, b"ICC_PROFILE\x00")),
        coded(
            "broken-exif.jpg", lambda: jpeg_with_segment(photo_jpeg(), 0xE1, b"Exif\x00\x00" + BROKEN_EXIF)
        ),
        coded("broken-exif.png", lambda: saved(texture(), "PNG", exif=BROKEN_EXIF)),
        coded("broken-exif.webp", lambda: saved(texture(), "WEBP", quality=95, exif=BROKEN_EXIF)),
        coded(
            "broken-photoshop.jpg", lambda: jpeg_with_segment(photo_jpeg(), 0xED, b"Photoshop 3.0\x008BIM")
        ),
        coded("xmp-and-exif.png", _xmp_png),
        coded("palette.png", lambda: saved(PIL.Image.fromarray(texture()).quantize(64), "PNG")),
        coded("palette-transparency.png", _palette_with_transparency),
        coded("colour-key.png", _colour_key_png),
        coded("rgba.png", lambda: saved(rgba, "PNG")),
        coded("opaque-rgba.png", lambda: saved(PIL.Image.fromarray(texture()).convert("RGBA"), "PNG")),
        coded("grey-alpha.png", lambda: saved(texture(channels=2), "PNG")),
        coded("rgba.webp", lambda: saved(rgba, "WEBP", lossless=True)),
        coded("grey.jpg", lambda: saved(texture(channels=1), "JPEG", quality=95)),
        coded("cover.gif", lambda: saved(PIL.Image.fromarray(texture()).quantize(128), "GIF")),
        coded("photo.avif", lambda: saved(texture(), "AVIF", quality=95, speed=10, exif=exif_block(8))),
        coded("photo.bmp", lambda: saved(texture(), "BMP")),
        coded("photo.jp2", lambda: saved(texture(), "JPEG2000")),
        coded("photo.tiff", lambda: saved(texture(), "TIFF")),
        coded("photo.ppm", lambda: saved(texture(), "PPM")),
    ]


ODD_IMAGES: dict[str, OddImage] = {odd.name: odd for odd in _all_odd()}
