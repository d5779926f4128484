"""Files whose samples lie deflated come back byte for byte, whichever program deflated them, and in whatever way."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
import zstandard

from pipeline.errors import DamagedError
from pipeline.packing.deflate_decisions import columns, from_columns, with_guesses, without_guesses
from pipeline.packing.deflate_parse import parse
from pipeline.packing.deflate_write import write
from pipeline.packing.deflated_file import pack, unpack
from pipeline.packing.pack import pack_file
from pipeline.packing.registry import DEFLATED

RNG = np.random.default_rng(8)
SMOOTH = (128 + 90 * np.sin(np.arange(96)[:, None] / 7) * np.cos(np.arange(128) / 5))[..., None]
RGB = np.clip(SMOOTH + RNG.normal(0, 3, (96, 128, 3)), 0, 255).astype(np.uint8)
DEEP = (RGB.astype(np.uint16) * 199) + RNG.integers(0, 90, RGB.shape, np.uint16)
FLOATS = np.cumsum(RGB[..., 0].astype(np.float64), axis=1).astype(np.float32)
Deflater = Callable[[bytes], bytes]


def _zlib(level: int, memory: int = 8, strategy: int = 0, window: int = 15) -> Deflater:
    def deflate(data: bytes) -> bytes:
        made = zlib.compressobj(level, zlib.DEFLATED, window, memory, strategy)
        return made.compress(data) + made.flush()

    return deflate


def _flushed(data: bytes) -> bytes:
    made = zlib.compressobj(6)
    half = len(data) // 2
    return (
        made.compress(data[:half]) + made.flush(zlib.Z_FULL_FLUSH) + made.compress(data[half:]) + made.flush()
    )


USUAL: Final = _zlib(6)
DEFLATERS: dict[str, Deflater] = {
    "stored": _zlib(0),
    "fastest": _zlib(1),
    "usual": USUAL,
    "best": _zlib(9, 9),
    "small window": _zlib(6, 3, 0, 9),
    "filtered": _zlib(6, 9, zlib.Z_FILTERED),
    "Huffman only": _zlib(6, 8, zlib.Z_HUFFMAN_ONLY),
    "run lengths": _zlib(6, 8, zlib.Z_RLE),
    "fixed codes": _zlib(6, 8, zlib.Z_FIXED),
    "flushed": _flushed,
    "zlib-ng 1": lambda data: bytes(imagecodecs.zlibng_encode(data, level=1)),
    "zlib-ng 6": lambda data: bytes(imagecodecs.zlibng_encode(data, level=6)),
    "libdeflate 1": lambda data: bytes(imagecodecs.deflate_encode(data, level=1)),
    "libdeflate 12": lambda data: bytes(imagecodecs.deflate_encode(data, level=12)),
    "zopfli": lambda data: bytes(imagecodecs.zopfli_encode(data[:20_000])),
}
CONTENTS: dict[str, bytes] = {
    "grain": DEEP.tobytes(),
    "words": b"all the same words, and again, but not quite: " * 20 + bytes(range(256)) * 5,
    "zeros": bytes(70_000),
    "nothing": b"",
}


@pytest.mark.parametrize("deflater", DEFLATERS)
def test_any_stream_is_written_again_from_its_bytes_and_decisions(deflater: str) -> None:
    for content in CONTENTS.values():
        stream = DEFLATERS[deflater](content)
        data = np.frombuffer(zlib.decompress(stream), np.uint8)
        decisions = without_guesses(parse(stream[2:-4]), data)
        (back,) = from_columns(columns([decisions]))
        assert write(with_guesses(back, data), data) == stream[2:-4]


def test_distances_follow_from_the_bytes_nearly_always() -> None:
    data = np.frombuffer(CONTENTS["grain"], np.uint8)
    decisions = without_guesses(parse(_zlib(6)(data.tobytes())[2:]), data)
    assert len(decisions.distances) > 100
    assert np.mean(decisions.distances == 0) > 0.95


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png(
    samples: npt.NDArray[Any], deflate: Deflater = USUAL, filters: str = "01234", piece: int = 900
) -> bytes:
    """A PNG with the given filters in turn, its stream in pieces, and chunks before and after."""
    height, width, bands = samples.shape
    rows = samples.astype(samples.dtype.newbyteorder(">")).view(np.uint8).reshape(height, -1).astype(int)
    step = bands * samples.dtype.itemsize
    out = b""
    for y in range(height):
        kind = int(filters[y % len(filters)])
        up = rows[y - 1] if y else rows[y] * 0
        left, corner = (np.concatenate([np.zeros(step, int), row[:-step]]) for row in (rows[y], up))
        guess = left + up - corner
        nearest = np.argmin([abs(guess - left), abs(guess - up), abs(guess - corner)], axis=0)
        paeth = np.choose(nearest, [left, up, corner])
        predicted = (0 * up, left, up, (left + up) // 2, paeth)[kind]
        out += bytes([kind]) + (rows[y] - predicted).astype(np.uint8).tobytes()
    stream = deflate(out)
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[bands]
    head = struct.pack(">IIBBBBB", width, height, 8 * samples.dtype.itemsize, colour_type, 0, 0, 0)
    pieces = (_chunk(b"IDAT", stream[at : at + piece]) for at in range(0, len(stream), piece))
    chunks = [_chunk(b"IHDR", head), _chunk(b"pHYs", bytes(9)), *pieces]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [*chunks, _chunk(b"tEXt", b"a\0b"), _chunk(b"IEND", b""), b"a trailer"]
    )


def _tiff(samples: npt.NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples, compression="zlib", **options)
    return stream.getvalue()


_RGB_16: Final = {"photometric": "rgb", "predictor": True}
FILES: dict[str, bytes] = {
    "deep.png": _png(DEEP),
    "filtered.png": _png(DEEP, _zlib(9, 9, 1), "4"),
    "grey.png": _png(DEEP[..., :1], filters="3"),
    "alpha.png": _png(np.dstack([DEEP, DEEP[..., :1]]), filters="21"),
    "grey-alpha.png": _png(DEEP[..., :2]),
    "eight.png": _png(RGB, _zlib(6, 8, 1), "14"),
    "libdeflate.png": _png(DEEP, DEFLATERS["libdeflate 12"], "2", piece=10**6),
    "deep.tif": _tiff(DEEP, photometric="rgb"),
    "difference.tif": _tiff(DEEP, **_RGB_16),
    "big-endian.tif": _tiff(DEEP, byteorder=">", rowsperstrip=7, **_RGB_16),
    "tiles.tif": _tiff(DEEP, tile=(32, 48), **_RGB_16),
    "planes.tif": _tiff(np.moveaxis(DEEP, 2, 0), planarconfig="separate", **_RGB_16),
    "pages.tif": _tiff(np.stack([DEEP, DEEP[::-1]]), bigtiff=True, **_RGB_16),
    "signed.tif": _tiff((DEEP[..., 0].astype(np.int32) - 20000).astype(np.int16), predictor=True),
    "float.tif": _tiff(FLOATS, predictor=3),
    "float-big-endian.tif": _tiff(FLOATS, predictor=3, byteorder=">", tile=(32, 32)),
    "integers.tif": _tiff(FLOATS.astype(np.int32), predictor=2),
}


@pytest.mark.parametrize("name", FILES)
def test_a_deflated_file_comes_back_byte_for_byte(name: str) -> None:
    data = FILES[name]
    payload = pack(data)
    assert payload is not None
    assert unpack(payload, len(data)) == data
    with pytest.raises(DamagedError, match="Expected"):
        unpack(payload, len(data) - 1)


def test_scans_are_packed_so() -> None:
    for name in ("deep.png", "grey.png", "deep.tif"):
        packed = pack_file(FILES[name])
        assert packed.packing == DEFLATED
        assert len(packed.payload) < 0.95 * len(FILES[name])


def _with_idat(stream: bytes) -> bytes:
    return _png(DEEP, lambda _: stream, piece=10**6)


LEFT: dict[str, bytes] = {
    "cut": FILES["deep.png"][:-9000],
    "more rows than its stream holds whole": _with_idat(_zlib(6)(bytes(1000))),
    "a stream of another sort": _with_idat(b"no zlib stream" * 99),
    "a bomb": _with_idat(_zlib(9)(bytes(769 * 9000))),
    "a filter that PNG has not": _with_idat(_zlib(6, 8, 2)(b"".join(b"\7" + row.tobytes() for row in DEEP))),
    "tiny blocks": _with_idat(_zlib(6)(b"")[:2] + b"\0\0\0\xff\xff" * 400 + b"\1\0\0\xff\xff"),
    "a palette's": _png(RGB // 64 * 64, filters="0"),
    "plain": FILES["deep.png"][:8] + b"\0" * 4000,
}


@pytest.mark.parametrize("name", LEFT)
def test_what_cannot_gain_is_left_alone(name: str) -> None:
    assert pack(LEFT[name]) is None


def _unpacks_to_this_or_nothing(payload: bytes, data: bytes) -> bool:
    """Bytes that nobody reads may be changed."""
    try:
        return unpack(payload, len(data)) == data
    except DamagedError:
        return True


@pytest.mark.parametrize("name", ["tiles.tif", "grey.png"])
def test_hostile_payloads_give_damage_and_never_another_file(name: str) -> None:
    """Each section is cut, doubled, filled with ones, and changed at some place."""
    data = FILES[name]
    payload = pack(data)
    assert payload is not None
    lengths = struct.unpack_from("<12Q", payload, 4)
    starts = np.cumsum([100, *lengths]).tolist()
    frames = [payload[at:end] for at, end in pairwise(starts)]
    for number, frame in enumerate(frames):
        section = zstandard.decompress(frame)
        harmed = [section[: len(section) // 2], b"\xff" * len(section), section + section, b""]
        for _ in range(3):
            at = int(RNG.integers(len(section))) if section else 0
            harmed.append(section[:at] + RNG.bytes(1) + section[at + 1 :])
        for one in harmed:
            changed = [*frames[:number], zstandard.compress(one), *frames[number + 1 :]]
            head = payload[:4] + struct.pack("<12Q", *map(len, changed))
            assert _unpacks_to_this_or_nothing(head + b"".join(changed) + payload[starts[-1] :], data)
    for part in (b"", payload[:50], payload[:500], payload[:-50]):
        with pytest.raises(DamagedError, match="Expected"):
            unpack(part, len(data))


@pytest.mark.parametrize(
    "head",
    [
        b'{"kind":"plain","dtype":"<u2","width":1e999,"bands":3,"streams":[[8,100]]}',
        b'{"kind":"plain","dtype":"<f16","width":10,"bands":3,"streams":[[8,100]]}',
        b'{"kind":"plain","dtype":"O","width":10,"bands":3,"streams":[[8,100]]}',
        b'{"kind":"plain","dtype":"<u2","width":10,"bands":3,"streams":[[8,-100]]}',
        b'{"kind":"other","dtype":"<u2","width":10,"bands":3,"streams":[[8,100]]}',
        b"[1]",
    ],
)
def test_heads_that_no_file_has_are_damage(head: bytes) -> None:
    frames = [zstandard.compress(one) for one in (head, b"", *[b""] * 10)]
    with pytest.raises(DamagedError, match="Expected"):
        unpack(bytes(4) + struct.pack("<12Q", *map(len, frames)) + b"".join(frames), 1000)
