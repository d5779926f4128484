"""Packed files come back byte for byte; what is no packed file is refused without taking memory."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ArchiveError, DamagedError, NewerFormatError
from pipeline.packing.file_of import file_of
from pipeline.packing.find_grid import find_grid
from pipeline.packing.pack import pack_file
from pipeline.packing.registry import FILE_PACKINGS, file_packing
from tests.support.shard_rows import make_row

RNG = np.random.default_rng(4)
SMOOTH = (128 + 90 * np.sin(np.arange(48)[:, None] / 7) * np.cos(np.arange(64) / 5))[..., None]
RGB = np.clip(SMOOTH + RNG.normal(0, 3, (48, 64, 3)), 0, 255).astype(np.uint8)
DEEP = (RGB.astype(np.uint16) * 257)[..., 0]
MANY = np.dstack([DEEP // 3 + RNG.integers(0, 90, DEEP.shape, np.uint16) for _ in range(5)])
FLOATS = (RGB[..., 0] / 255).astype(np.float32)


def _saved(fmt: str, pixels: Any = RGB, **options: Any) -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels).save(stream, fmt, **options)
    return stream.getvalue()


def _tiff(samples: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples, **options)
    return stream.getvalue()


def _npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _fits(samples: Any) -> bytes:
    cards = ["SIMPLE  =                    T", "BITPIX  =                   16 / signed", "NAXIS   = 2"]
    cards += [f"NAXIS1  = {samples.shape[1]}", f"NAXIS2  = {samples.shape[0]}", "END"]
    head = "".join(card.ljust(80) for card in cards).encode().ljust(2880)
    return bytes(head + samples.astype(">i2").tobytes()).ljust(2880 * 5, b"\0")


FILES: dict[str, tuple[str | None, bytes]] = {
    "camera.jpg": ("lepton", _saved("JPEG", quality=92)),
    "progressive.jpg": ("lepton", _saved("JPEG", quality=85, progressive=True)),
    "motion.jpg": ("lepton", _saved("JPEG") + b"\0\0\0\x18ftypmp42" + RNG.bytes(3000)),
    "cut.jpg": ("zstd", _saved("JPEG", quality=95)[:-900]),
    "deep.tif": ("grid-jxl", _tiff(DEEP)),
    "colour.tif": ("grid-jxl", _tiff(RGB.astype(np.uint16) * 200, photometric="rgb")),
    "strips.tif": ("grid-jxl", _tiff(DEEP, rowsperstrip=7, byteorder=">")),
    "tiles.tif": ("grid-jxl", _tiff(DEEP, tile=(16, 32))),
    "planes.tif": (
        "grid-jxl",
        _tiff(np.moveaxis(MANY, 2, 0), planarconfig="separate", photometric="minisblack"),
    ),
    "bands.tif": ("grid-jxl", _tiff(MANY, photometric="minisblack", planarconfig="contig")),
    "pages.tif": ("grid-jxl", _tiff(np.stack([RGB, RGB[::-1], RGB[:, ::-1]]), photometric="rgb")),
    "big.tif": ("grid-jxl", _tiff(DEEP, bigtiff=True)),
    "signed.tif": ("grid-jxl", _tiff((DEEP.astype(np.int32) - 30000).astype(np.int16))),
    "float.tif": ("grid-planes", _tiff(np.cumsum(FLOATS.astype(np.float64), axis=1).astype(np.float32))),
    "window.bmp": ("grid-jxl", _saved("BMP", RGB[:, :63])),
    "grey.bmp": ("grid-jxl", _saved("BMP", RGB[..., 0])),
    "picture.ppm": ("grid-jxl", _saved("PPM")),
    "comment.pgm": (
        "grid-jxl",
        b"P5\n# told\n64 # by hand\n48\n65535\n" + DEEP.astype(">u2").tobytes() + b"tail",
    ),
    "picture.tga": ("grid-jxl", _saved("TGA")),
    "array.npy": ("grid-jxl", _npy(DEEP)),
    "fortran.npy": ("grid-jxl", _npy(np.asfortranarray(DEEP))),
    "ints.npy": ("grid-planes", _npy(np.cumsum(DEEP.astype(np.int32), axis=1))),
    "sky.fits": ("grid-jxl", _fits(DEEP // 4)),
    "notes.txt": ("zstd", b"all the same words, and again " * 60),
    "noise": (None, RNG.bytes(5000)),
    "empty": (None, b""),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_back_byte_for_byte(name: str) -> None:
    expected, data = FILES[name]
    packed = pack_file(data)
    assert packed.packing == expected
    assert len(packed.payload) < len(data) if expected else packed.payload == data
    row = make_row(
        name,
        packed.payload,
        status="kept",
        packing=packed.packing,
        source_size=len(data),
        source_sha256=hashlib.sha256(data).hexdigest(),
    )
    assert file_of(row) == data


def test_a_jpeg_file_that_lepton_refuses_is_packed_otherwise_or_not_at_all() -> None:
    stream = io.BytesIO()
    PIL.Image.fromarray(np.dstack([RGB, RGB[..., :1]]), "CMYK").save(stream, "JPEG", quality=90)
    assert pack_file(stream.getvalue()).packing in (None, "zstd")


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda payload: b"",
    "cut": lambda payload: payload[: len(payload) // 2],
    "head": lambda payload: payload[:30],
    "noise": lambda payload: RNG.bytes(len(payload)),
    "flipped": lambda payload: payload[:-20] + bytes([payload[-20] ^ 0x55]) + payload[-19:],
}


@pytest.mark.parametrize("name", ["camera.jpg", "deep.tif", "float.tif", "notes.txt"])
@pytest.mark.parametrize("harm", HOSTILE)
def test_what_is_not_what_was_packed_is_damage(name: str, harm: str) -> None:
    _, data = FILES[name]
    packed = pack_file(data)
    sha256 = hashlib.sha256(data).hexdigest()
    facts = {"status": "kept", "packing": packed.packing, "source_sha256": sha256}
    with pytest.raises(DamagedError, match="Expected the file"):
        file_of(make_row(name, HOSTILE[harm](packed.payload), source_size=len(data), **facts))
    with pytest.raises(DamagedError, match="Expected the file"):
        file_of(make_row(name, packed.payload, source_size=len(data) - 1, **facts))


def test_a_payload_that_says_it_is_huge_takes_no_memory() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(50_000_000))
    with pytest.raises(DamagedError, match="at most 1,000 bytes"):
        FILE_PACKINGS["zstd"].unpack(bomb, 1000)
    head = zstandard.ZstdCompressor().compress(
        b'{"dtype":"<u2","width":1000000,"bands":3,"runs":[[0,1000000,6000000]]}'
    )
    with pytest.raises(DamagedError, match="within a file of 1,000 bytes"):
        FILE_PACKINGS["grid-jxl"].unpack(struct.pack("<IQI", len(head), 0, 0) + head, 1000)


def test_a_packing_that_is_not_known_is_of_a_newer_release() -> None:
    with pytest.raises(NewerFormatError, match="Install a newer Tenfold"):
        file_packing("brotli-9")
    with pytest.raises(NewerFormatError, match="got 'brotli-9'"):
        file_of(make_row("a", b"x", status="kept", packing="brotli-9"))


def test_an_image_with_pixels_has_no_file() -> None:
    with pytest.raises(ArchiveError, match="an image that is coded"):
        file_of(make_row("a"))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_whatever_is_cut_out_of_a_file_or_put_into_it_comes_back(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FILES)))
    file = bytearray(FILES[name][1])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(file)))
        file[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    packed = pack_file(bytes(file))
    if packed.packing is None:
        assert packed.payload == file
    else:
        assert file_packing(packed.packing).unpack(packed.payload, len(file)) == file


@pytest.mark.parametrize("steps", [1, 2])
def test_directories_that_name_each_other_come_to_an_end(steps: int) -> None:
    data = bytearray(_tiff(np.stack([RGB] * steps), photometric="rgb", metadata=None))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        first, last = file.pages.first.offset, file.pages[-1].offset
    link = last + 2 + 12 * int.from_bytes(data[last : last + 2], "little")
    data[link : link + 4] = struct.pack("<I", first)
    packed = pack_file(bytes(data))
    assert packed.packing is not None
    assert FILE_PACKINGS[packed.packing].unpack(packed.payload, len(data)) == data


def test_compressed_samples_are_not_taken_for_a_grid() -> None:
    assert find_grid(_tiff(DEEP, compression="zlib")) is None
    assert find_grid(_saved("TGA", compression="tga_rle")) is None
    assert find_grid(_saved("PNG")) is None
