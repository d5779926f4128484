"""Thousands of damaged files: reading one returns what it is, soon and in bounded memory."""

from __future__ import annotations

import random
import resource
import struct
import time
import zlib
from collections.abc import Callable
from functools import cache

import PIL.Image
import pytest

from pipeline.image.read import ReadLimits, read_image
from pipeline.types import Image, Unmodelled
from tests.support.heif import HeifRecipe, exif_part, hevc
from tests.support.odd_images import (
    BROKEN_ICC,
    ODD_IMAGES,
    XMP,
    exif_block,
    photo_jpeg,
    png_chunk,
    saved,
    texture,
)

LIMITS = ReadLimits(max_pixels=4_000_000)
CASES_PER_SEED = 150
TIME_LIMIT_S = 5.0
MEMORY_GROWTH_LIMIT_MIB = 600


@cache
def seeds() -> dict[str, bytes]:
    """Sound files of every format, small, with metadata where the format has them."""
    small, grey, rgba = texture(40, 56), texture(40, 56, 1), texture(40, 56, 4)
    palette = PIL.Image.fromarray(small).quantize(32)
    rich = {"exif": exif_block(6), "icc_profile": BROKEN_ICC, "xmp": XMP}
    return {
        "jpeg": saved(small, "JPEG", **rich),
        "jpeg-progressive": saved(small, "JPEG", progressive=True, **rich),
        "jpeg-grey": saved(grey, "JPEG"),
        "mpo": ODD_IMAGES["pictures.mpo"].make(),
        "png": saved(small, "PNG", exif=exif_block(6), icc_profile=BROKEN_ICC),
        "png-palette": saved(palette, "PNG", transparency=3),
        "png-colour-key": ODD_IMAGES["colour-key.png"].make(),
        "png-animated": ODD_IMAGES["animated.png"].make(),
        "webp": saved(rgba, "WEBP", **rich),
        "webp-lossless": saved(small, "WEBP", lossless=True),
        "webp-animated": ODD_IMAGES["animated.webp"].make(),
        "gif": saved(palette, "GIF", transparency=3),
        "gif-animated": ODD_IMAGES["animated.gif"].make(),
        "tiff": saved(small, "TIFF", tiffinfo={274: 6, 271: "maker"}, icc_profile=BROKEN_ICC),
        "tiff-deflate": saved(rgba, "TIFF", compression="tiff_adobe_deflate"),
        "tiff-jpeg": saved(small, "TIFF", compression="jpeg"),
        "tiff-lzw-palette": saved(palette, "TIFF", compression="tiff_lzw"),
        "tiff-pages": ODD_IMAGES["pages.tiff"].make(),
        "bmp": saved(small, "BMP"),
        "bmp-palette": saved(palette, "BMP"),
        "avif": saved(rgba, "AVIF", speed=10, **rich),
        "jp2": saved(small, "JPEG2000"),
        "j2k": saved(rgba, "JPEG2000", no_jp2=True),
        "ppm": saved(small, "PPM"),
        "pam": b"P7\nWIDTH 56\nHEIGHT 40\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + rgba.tobytes(),
        "pgm-text": b"P2 # comment\n56 40 255\n" + b" ".join(b"%d" % value for value in grey.ravel()),
        "tga-packed": saved(palette, "TGA", compression="tga_rle"),
        "heic": HeifRecipe(coded=hevc(), parts=[exif_part(exif_block(3))]).file(),
    }


def truncate(data: bytes, rng: random.Random) -> bytes:
    """Cut the end off."""
    return data[: rng.randrange(len(data))]


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    """Flip a few bits anywhere."""
    mangled = bytearray(data)
    for _ in range(rng.choice((1, 2, 8, 32))):
        mangled[rng.randrange(len(mangled))] ^= 1 << rng.randrange(8)
    return bytes(mangled)


def lie(data: bytes, rng: random.Random) -> bytes:
    """Write extreme numbers over bytes of the header, where sizes, counts and offsets lie."""
    mangled = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        width = rng.choice((1, 2, 4))
        extremes = (0, 1, 2, 2 ** (8 * width - 1) - 1, 2 ** (8 * width - 1), 2 ** (8 * width) - 1)
        value = rng.choice((*extremes, rng.getrandbits(8 * width), rng.randrange(64)))
        at = rng.randrange(min(len(mangled), rng.choice((40, 200, 1000))))
        mangled[at : at + width] = value.to_bytes(width, rng.choice(("big", "little")))
    return bytes(mangled)


def lie_at_the_end(data: bytes, rng: random.Random) -> bytes:
    """The same over the last bytes, where TIFF keeps its directory."""
    cut = max(0, len(data) - 300)
    return data[:cut] + lie(data[cut:], rng)


def rearrange(data: bytes, rng: random.Random) -> bytes:
    """Drop, repeat or move a slice."""
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.choice((1, 4, 16, 200)))
    piece = data[start:end]
    at = rng.randrange(len(data))
    return rng.choice(
        (
            data[:start] + data[end:],
            data[:end] + piece + data[end:],
            data[:at] + piece + data[at:],
            data + piece,
        )
    )


def with_sound_checksums(
    mangle: Callable[[bytes, random.Random], bytes],
) -> Callable[[bytes, random.Random], bytes]:
    """Mangle the body of one PNG chunk and correct its checksum, so that the damage gets past it."""

    def inner(data: bytes, rng: random.Random) -> bytes:
        if not data.startswith(b"\x89PNG"):
            return mangle(data, rng)
        chunks, at = [], 8
        while at + 12 <= len(data):
            (length,) = struct.unpack_from(">I", data, at)
            chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
            at += 12 + length
        victim = rng.randrange(len(chunks) or 1)
        kind, body = chunks[victim] if chunks else (b"", b"")
        if body:
            chunks[victim] = (kind, mangle(body, rng))
        if rng.random() < 0.2:
            rng.shuffle(chunks)
        return data[:8] + b"".join(png_chunk(*chunk) for chunk in chunks)

    return inner


MANGLES = (
    truncate,
    flip_bits,
    lie,
    lie_at_the_end,
    rearrange,
    *map(with_sound_checksums, (flip_bits, lie, truncate)),
)


def outcome(data: bytes) -> str:
    """What reading gave, in a word."""
    content = read_image(data, limits=LIMITS)
    if isinstance(content, Unmodelled):
        assert content.reason
        return "kept" if content.fault is None else "damaged"
    assert isinstance(content, Image)
    assert content.pixels.shape[:2] == (content.height, content.width)
    assert content.height * content.width <= LIMITS.max_pixels
    return "coded"


@pytest.mark.parametrize("name", seeds())
def test_sound_seed_is_read(name: str) -> None:
    assert outcome(seeds()[name]) != "damaged"


@pytest.mark.parametrize("name", seeds())
def test_damage_never_escapes(name: str) -> None:
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = set()
    for case in range(CASES_PER_SEED):
        rng = random.Random(f"{name} {case}")
        data = rng.choice(MANGLES)(seeds()[name], rng)
        started = time.perf_counter()
        outcomes.add(outcome(data))
        assert time.perf_counter() - started < TIME_LIMIT_S, f"case {case} of {name}"
    assert {"damaged"} <= outcomes <= {"damaged", "kept", "coded"}
    growth_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    assert growth_mib < MEMORY_GROWTH_LIMIT_MIB


def test_thousands_of_scans_are_not_decoded() -> None:
    data = saved(texture(40, 56), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    content = read_image(data[:-2] + scan * 3000 + data[-2:])
    assert isinstance(content, Unmodelled)
    assert "progressive scans" in content.reason


def test_metadata_bombs_are_not_inflated() -> None:
    """A profile of 192 MiB, and with it every text chunk of `bomb-text.png`, stays deflated."""
    deflater = zlib.compressobj(9)
    block = bytes(2**24)
    icc = b"icc\x00\x00" + b"".join(deflater.compress(block) for _ in range(12)) + deflater.flush()
    data = saved(texture(), "PNG")
    bombs = png_chunk(b"iCCP", icc)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    content = read_image(data[:33] + bombs + data[33:])
    assert isinstance(content, Image)
    assert content.icc is None
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024 < 200


def test_segments_that_stop_short() -> None:
    """Every marker segment cut to nothing: the pictures are sound, so they are read."""
    for marker in (0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE):
        for body in (
            b"",
            b"J",
            b"JFIF\x00",
            b"Exif\x00\x00",
            b"ICC_PROFILE\x00",
            b"MPF\x00",
            b"Adobe",
            b"Photoshop 3.0\x00",
        ):
            segment = bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body
            assert isinstance(read_image(photo_jpeg()[:2] + segment + photo_jpeg()[2:]), Image)
