"""A file of every kind of every format, each of which holds marks: bytes that must come back, wherever they lie."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
import PIL.Image
import tifffile

from tests.support.containers import gif_application, gif_sub_blocks, jpeg_segment, riff_chunk, riff_webp
from tests.support.heif import HeifRecipe, Part, auxiliary, av1, box, exif_part, hevc
from tests.support.odd_images import exif_block, png_chunk, png_file, saved, texture
from tests.support.tiffs import TiffRecipe, tag

HEIGHT, WIDTH = 48, 64
RGB = texture(HEIGHT, WIDTH)
RGBA = texture(HEIGHT, WIDTH, 4)
GREY = texture(HEIGHT, WIDTH, 1)
NOISE = np.random.default_rng(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """One file."""

    data: bytes
    marks: tuple[bytes, ...] = ()


def mark(number: int = 0) -> bytes:
    """Bytes that no encoder makes by chance."""
    return b"mark-" + hashlib.sha256(bytes([number])).hexdigest()[:27].encode()


def _with(make: Callable[..., bytes], count: int = 1) -> Marked:
    marks = tuple(map(mark, range(count)))
    return Marked(data=make(*marks), marks=marks)


def _jpeg(*segments: bytes, after: bytes = b"", **options: Any) -> bytes:
    data = saved(RGB, "JPEG", quality=97, **options)
    return data[:2] + b"".join(segments) + data[2:] + after


def _png(*chunks: bytes, before: bytes = b"IDAT", after: bytes = b"") -> bytes:
    data = saved(RGB, "PNG")
    at = data.index(before) - 4
    return data[:at] + b"".join(chunks) + data[at:] + after


def _webp(*chunks: bytes, after: bytes = b"") -> bytes:
    head = struct.pack("<I", 0x0C) + struct.pack("<I", WIDTH - 1)[:3] + struct.pack("<I", HEIGHT - 1)[:3]
    return riff_webp([riff_chunk(b"VP8X", head), saved(RGB, "WEBP", quality=97)[12:], *chunks]) + after


def _gif(*blocks: bytes, after: bytes = b"") -> bytes:
    data = saved(PIL.Image.fromarray(RGB).quantize(128), "GIF")
    head = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    return b"GIF89a" + data[6:head] + b"".join(blocks) + data[data.index(b"\x2c", head) :] + after


def _many(fmt: str, **options: Any) -> bytes:
    others = [PIL.Image.fromarray(texture(HEIGHT, WIDTH, seed=seed)) for seed in (8, 9)]
    return saved(RGB, fmt, save_all=True, append_images=others, **options)


def _tiff(samples: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples, **options)
    return stream.getvalue()


def _jp2(extra: bytes, *, after: bytes = b"") -> bytes:
    data = saved(RGB, "JPEG2000")
    at = data.index(b"jp2c") - 4
    return data[:at] + extra + data[at:] + after


def _pam(bands: int, kind: bytes) -> bytes:
    head = b"P7\n#%s\nWIDTH 64\nHEIGHT 48\nDEPTH %d\nMAXVAL 255\nTUPLTYPE %s\nENDHDR\n" % (
        mark(),
        bands,
        kind,
    )
    return head + texture(HEIGHT, WIDTH, bands).tobytes()


def _tga(identity: bytes, after: bytes) -> bytes:
    data = saved(RGB, "TGA")
    return bytes([len(identity)]) + data[1:18] + identity + data[18:] + after


def _icns(png: bytes) -> bytes:
    """Whose header is thought to be one of RGBA until it is decoded."""
    return b"icns" + struct.pack(">I4sI", 16 + len(png), b"ic09", 8 + len(png)) + png


def _npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _screenshot() -> PIL.Image.Image:
    pixels = np.full((90, 120, 3), 250, np.uint8)
    pixels[:9] = (30, 90, 160)
    pixels[20:80:3, 10:90] = (NOISE.integers(0, 2, (20, 80)) * 200).astype(np.uint8)[..., None]
    return PIL.Image.fromarray(pixels)


def _jpegs() -> dict[str, Marked]:
    xmp, icc = b"http://ns.adobe.com/xap/1.0/\x00", b"ICC_PROFILE\x00"
    kinds = {f"app{n}": 0xE0 + n for n in range(16)} | {"comment": 0xFE, "reserved": 0xF0}
    files = {
        f"{name}.jpg": _with(lambda one, m=marker: _jpeg(jpeg_segment(m, one)))
        for name, marker in kinds.items()
    }
    return files | {
        "two-exif.jpg": _with(
            lambda *both: _jpeg(*(jpeg_segment(0xE1, b"Exif\x00\x00" + exif_block(6) + one) for one in both)),
            2,
        ),
        "two-xmp.jpg": _with(lambda *both: _jpeg(*(jpeg_segment(0xE1, xmp + one) for one in both)), 2),
        "torn-icc.jpg": _with(lambda one: _jpeg(jpeg_segment(0xE2, icc + b"\x02\x03" + one * 9))),
        "motion.jpg": _with(lambda one: _jpeg(after=bytes(4) + b"ftypmp42" + one * 2000)),
        "two.jpg": _with(lambda one: _jpeg(after=_jpeg(jpeg_segment(0xFE, one)))),
        "no-end.jpg": _with(lambda one: _jpeg()[:-2] + one),
        "hidden-in-scan.jpg": _with(lambda one: _jpeg()[:-2] + one + b"\xff\xd9"),
        "between.jpg": _with(lambda one: _jpeg(jpeg_segment(0xFE, b"a") + one)),
        "progressive.jpg": Marked(data=_jpeg(progressive=True)),
        "grey.jpeg": Marked(data=saved(GREY, "JPEG", quality=97)),
        "cmyk.JPG": Marked(data=saved(PIL.Image.fromarray(RGB).convert("CMYK"), "JPEG")),
        "deep.jpg": Marked(data=bytes(imagecodecs.jpeg_encode(RGB.astype(np.uint16) * 16, bitspersample=12))),
        "ls.jpg": Marked(data=bytes(imagecodecs.jpegls_encode(RGB))),
    }


def _pngs() -> dict[str, Marked]:
    kinds = ("tEXt", "prVt", "caBX", "eXIf", "sPLT", "tIME", "pHYs", "cHRM", "gAMA", "iCCP", "sBIT", "CrIt")
    files = {
        f"{kind}.png": _with(lambda one, k=kind: _png(png_chunk(k.encode(), b"key\x00" + one)))
        for kind in kinds
    }
    for depth in (1, 2, 4, 8):
        rows = b"".join(b"\x00" + NOISE.bytes(8 * depth) for _ in range(HEIGHT))
        palette = png_chunk(b"PLTE", NOISE.bytes(3 * 2**depth))
        files[f"grey{depth}.png"] = Marked(data=png_file(WIDTH, HEIGHT, depth, 0, rows))
        files[f"palette{depth}.png"] = Marked(data=png_file(WIDTH, HEIGHT, depth, 3, rows, palette))
        see_through = png_chunk(b"tRNS", NOISE.bytes(2**depth))
        files[f"see-through{depth}.png"] = Marked(
            data=png_file(WIDTH, HEIGHT, depth, 3, rows, palette, see_through)
        )
    for colour, bands in ((0, 1), (2, 3), (4, 2), (6, 4)):
        rows = b"".join(b"\x00" + NOISE.bytes(2 * bands * WIDTH) for _ in range(HEIGHT))
        files[f"deep{bands}.png"] = Marked(data=png_file(WIDTH, HEIGHT, 16, colour, rows))
    end = png_chunk(b"IEND", b"")
    return files | {
        "deflated-text.png": Marked(
            data=_png(png_chunk(b"zTXt", b"a\x00\x00" + zlib.compress(mark()))),
            marks=(zlib.compress(mark()),),
        ),
        "two-exif.png": _with(
            lambda *both: _png(*(png_chunk(b"eXIf", exif_block(6) + one) for one in both)), 2
        ),
        "behind.png": _with(lambda one: _png(png_chunk(b"prVt", one), before=b"IEND")),
        "trailer.png": _with(lambda one: _png(after=one)),
        "cropped.png": _with(lambda one: _png(after=png_chunk(b"IDAT", one) + end)),
        "hidden-in-data.png": _with(lambda one: _png(png_chunk(b"IDAT", one), before=b"IEND")),
        "alpha.png": Marked(data=saved(RGBA, "PNG")),
        "grey-alpha.png": Marked(data=saved(texture(HEIGHT, WIDTH, 2), "PNG")),
        "colour-key.png": Marked(data=_png(png_chunk(b"tRNS", struct.pack(">3H", *map(int, RGB[5, 5]))))),
        "moving.png": Marked(data=_many("PNG")),
        "1x1.png": Marked(data=saved(texture(1, 1), "PNG")),
        "1x999.png": Marked(data=saved(texture(999, 1), "PNG")),
        "screenshot.png": Marked(data=saved(_screenshot(), "PNG")),
        "huge.png": Marked(data=png_file(60_000, 60_000, 8, 2, bytes(64))),
    }


def _others_of_the_web() -> dict[str, Marked]:
    return {
        "all.webp": _with(
            lambda a, b, c: _webp(
                *(riff_chunk(k, one) for k, one in ((b"EXIF", a), (b"XMP ", b), (b"abcd", c)))
            ),
            3,
        ),
        "trailer.webp": _with(lambda one: _webp(after=one)),
        "lossless.webp": Marked(data=saved(RGBA, "WEBP", lossless=True, exact=True)),
        "moving.webp": Marked(data=_many("WEBP")),
        "comment.gif": _with(lambda one: _gif(b"\x21\xfe" + gif_sub_blocks(one))),
        "application.gif": _with(lambda one: _gif(gif_application(b"MYAPP123ABC", one))),
        "text.gif": _with(lambda one: _gif(b"\x21\x01\x0c" + bytes(12) + gif_sub_blocks(one))),
        "trailer.gif": _with(lambda one: _gif(after=one)),
        "see-through.gif": Marked(data=_gif(b"\x21\xf9\x04\x01\x00\x00\x05\x00")),
        "moving.gif": Marked(data=_many("GIF")),
    }


def _tiffs() -> dict[str, Marked]:
    files = {}
    for kind in ("u1", "u2", "u4", "i1", "i2", "f2", "f4", "f8"):
        for bands in (1, 3, 5):
            samples = (texture(HEIGHT, WIDTH, bands) / 2).astype(kind)
            options = {} if bands == 1 else {"photometric": "minisblack", "planarconfig": "contig"}
            files[f"{kind}x{bands}.tif"] = Marked(data=_tiff(samples.squeeze(), metadata=None, **options))
    for packing in ("zlib", "lzw", "packbits", "zstd", "jpeg", "webp", "jpegxl", "jpeg2000"):
        files[f"{packing}.tif"] = Marked(data=_tiff(RGB, photometric="rgb", compression=packing))
    for number in (
        270,
        285,
        305,
        330,
        347,
        700,
        33_432,
        33_723,
        34_377,
        34_735,
        37_510,
        42_113,
        50_706,
        65_000,
    ):
        files[f"tag{number}.tif"] = _with(
            lambda one, n=number: TiffRecipe(samples=RGB, tags=[tag(n, 7, one)]).file()
        )
    return files | {
        "ghost.tif": _with(lambda one: TiffRecipe(samples=RGB, ghost=one).file()),
        "gap.tif": _with(lambda one: TiffRecipe(samples=RGB, gap=one, order=">").file()),
        "trailer.tiff": _with(lambda one: TiffRecipe(samples=RGB, trailer=one, is_big=True).file()),
        "circle.tif": Marked(data=TiffRecipe(samples=RGB, next=8).file()),
        "pages.tif": Marked(data=_tiff(np.stack([RGB, RGB]), photometric="rgb")),
        "alpha.tif": Marked(data=_tiff(RGBA, photometric="rgb", extrasamples=["unassalpha"])),
        "infrared.tif": Marked(data=_tiff(RGBA, photometric="rgb", extrasamples=["unspecified"])),
        "cmyk.tif": Marked(data=_tiff(RGBA, photometric="separated")),
        "palette.tif": Marked(data=saved(PIL.Image.fromarray(RGB).quantize(200), "TIFF")),
    }


def _heifs() -> dict[str, Marked]:
    files = {}
    for name, coded in (("avif", av1()), ("heic", hevc())):
        text = Part(kind=b"mime", data=mark(1), content_type=b"text/plain", reference=b"cdsc")
        made = {
            "parts": HeifRecipe(coded=coded, parts=[exif_part(exif_block(1) + mark()), text]),
            "boxes": HeifRecipe(
                coded=coded, before=box(b"free", mark()), trailer=box(b"uuid", bytes(16) + mark(1))
            ),
            "gaps": HeifRecipe(coded=coded, gap=mark(), trailer=mark(1)),
            "crop": HeifRecipe(
                coded=coded, properties=[(box(b"clap", mark()), False), (box(b"zzzz", mark(1)), False)]
            ),
        }
        for kind, recipe in made.items():
            files[f"{kind}.{name}"] = Marked(data=recipe.file(), marks=(mark(), mark(1)))
        depth = auxiliary(coded, b"urn:mpeg:hevc:2015:auxid:2")
        files[f"depth.{name}"] = Marked(data=HeifRecipe(coded=coded, parts=[depth]).file())
    return files | {"alpha.avif": Marked(data=saved(RGBA, "AVIF", speed=10, quality=95))}


def _plain_ones() -> dict[str, Marked]:
    floats = (RGB / 255).astype("<f4").tobytes()
    bmp = saved(RGB, "BMP")
    return {
        "uuid.jp2": _with(lambda one: _jp2(box(b"uuid", bytes(16) + one))),
        "trailer.jp2": _with(lambda one: _jp2(b"", after=one)),
        "two.jp2": Marked(data=_jp2(box(b"jp2c", bytes(imagecodecs.jpeg2k_encode(RGB, codecformat="j2k"))))),
        "comment.ppm": _with(lambda one: b"P6\n#" + one + b"\n64 48\n255\n" + RGB.tobytes()),
        "trailer.ppm": _with(lambda one: b"P6\n64 48\n255\n" + RGB.tobytes() + one),
        "sevenths.pgm": Marked(data=b"P5\n64 48\n7\n" + (GREY >> 5).tobytes()),
        "deep.pgm": Marked(data=b"P5\n64 48\n4095\n" + GREY.astype(">u2").tobytes()),
        "bits.pbm": Marked(data=b"P4\n64 48\n" + NOISE.bytes(384)),
        "colour.pfm": Marked(data=b"PF\n64 48\n-1.0\n" + floats),
        "alpha.pam": Marked(data=_pam(4, b"RGB_ALPHA"), marks=(mark(),)),
        "odd.pam": Marked(data=_pam(5, b"ODD"), marks=(mark(),)),
        "all.tga": _with(_tga, 2),
        "trailer.bmp": _with(lambda one: bmp + one),
        "gap.bmp": _with(
            lambda one: bmp[:10] + struct.pack("<I", 54 + len(one)) + bmp[14:54] + one + bmp[54:]
        ),
        "palette.bmp": Marked(data=saved(PIL.Image.fromarray(RGB).quantize(200), "BMP")),
        "jxl.jxl": Marked(data=bytes(imagecodecs.jpegxl_encode(RGB, lossless=True))),
        "qoi.qoi": Marked(data=bytes(imagecodecs.qoi_encode(RGB))),
        "icon.ico": Marked(data=saved(RGB, "ICO")),
        "icon.icns": Marked(data=_icns(saved(np.tile(RGB, (11, 8, 1))[:512], "PNG"))),
        "array.npy": Marked(data=_npy(RGB.astype("f4"))),
        "drawing.svg": Marked(data=b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        "sidecar.xmp": Marked(data=b"<x:xmpmeta/>"),
        "notes.txt": Marked(data=b"for later"),
        "empty.txt": Marked(data=b""),
        "no-extension": Marked(data=_jpeg()),
        "png-in-truth.jpg": Marked(data=_png()),
    }


DAMAGED = {
    "empty.jpg": Marked(data=b""),
    "text.jpg": Marked(data=b"no picture"),
    "hole.png": Marked(data=bytes(900)),
    "half.jpg": Marked(data=_jpeg()[:2000]),
    "half.png": Marked(data=_png()[:2000]),
}
"""What is called an image and is no sound one."""

EVERY_FORMAT = {
    f"{folder}/{name}": file
    for folder, files in (
        ("jpeg", _jpegs()),
        ("png", _pngs()),
        ("web", _others_of_the_web()),
        ("tiff", _tiffs()),
        ("heif", _heifs()),
        ("plain", _plain_ones()),
        ("damaged", DAMAGED),
    )
    for name, file in files.items()
}
"""Sound and damaged files by their keys."""
