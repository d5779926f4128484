"""Packing `deflated`: PNG and TIFF files whose samples lie deflated, byte for byte, whichever program deflated them.

CRC-32C              4 bytes, of the file that comes back
lengths              8 bytes each, of the sections that follow
sections             Zstandard each: where the streams lie, all other bytes of the file, PNG's filters, what stands
                     before and behind each deflate stream, and what its deflater decided (`deflate_decisions`)
samples              as `sample_coders` packs them: JPEG XL or planes, as their type asks for
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import google_crc32c
import numpy as np
import numpy.typing as npt

from pipeline.errors import DamagedError
from pipeline.packing.deflate_decisions import (
    NUM_COLUMNS,
    Decisions,
    columns,
    from_columns,
    with_guesses,
    without_guesses,
)
from pipeline.packing.deflate_parse import most_blocks, parse
from pipeline.packing.deflate_write import write
from pipeline.packing.deflated_layout import Layout, find_deflated
from pipeline.packing.grid import Samples
from pipeline.packing.sample_coders import pack_jxl, pack_planes, takes_jxl, unpack_jxl, unpack_planes
from pipeline.packing.stored_rows import PNG, samples_of, stream_of
from pipeline.packing.zstd import compressed, expanded

_CRC: Final = struct.Struct("<I")
_NUM_SECTIONS: Final = 5 + NUM_COLUMNS
_LENGTHS: Final = struct.Struct(f"<{_NUM_SECTIONS}Q")
_ZLIB_HEAD: Final = 2
_ZLIB_DEFLATE: Final = 8
_LEAST_SHARE: Final = 0.25
"""Of a file that are streams."""
_MOST_EXPANSION: Final = 8
"""Times the file's size: what inflates to more is pressed well, and might be made to fill the memory."""
_TRIAL_BYTES: Final = 2**16
_MOST_SHARE_OF_DECISIONS: Final = 0.3
"""Where they take more of a stream, its samples have little to gain."""
_SMALL: Final = 1024
"""Bytes of decisions that say nothing: the codes of the first block, which may be most of a small stream."""
_COLUMN_ROOM: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stream:
    """One deflated part of a picture."""

    data: npt.NDArray[np.uint8]
    tail: bytes
    """What follows the last block."""


def pack(data: bytes) -> bytes | None:
    """A file with deflated samples; None for others, and where what the deflater decided takes too much of it."""
    layout = find_deflated(data)
    if layout is None or layout.num_bytes < _LEAST_SHARE * len(data):
        return None
    streams = [b"".join(data[at : at + length] for at, length in stream) for stream in layout.streams]
    share = _share_of_decisions(max(streams, key=len)) if all(map(_is_zlib, streams)) else 1.0
    if share > _MOST_SHARE_OF_DECISIONS:
        return None
    inflated, room = [], _MOST_EXPANSION * len(data)
    for stream in streams:
        one = _inflated(stream, room, layout.row_bytes)
        if one is None:
            return None
        inflated.append(one)
        room -= len(one.data)
    try:
        samples, filters = _undone([one.data for one in inflated], layout)
    except (RuntimeError, ValueError):  # libpng refuses
        return None
    body = pack_jxl(samples) if takes_jxl(samples.dtype) else pack_planes(samples)
    del samples
    if body is None or len(body) + share * layout.num_bytes > len(data):
        return None
    try:
        decisions = [_decisions(stream, one) for stream, one in zip(streams, inflated, strict=True)]
    except DamagedError:
        return None
    sections = [
        layout.to_json(),
        _between(data, layout),
        filters,
        b"".join(stream[:_ZLIB_HEAD] + one.tail for stream, one in zip(streams, inflated, strict=True)),
        np.array([[len(one.data) // layout.row_bytes, len(one.tail)] for one in inflated], "<u4").tobytes(),
        *columns(decisions),
    ]
    frames = [compressed(section) for section in sections]
    return _CRC.pack(google_crc32c.value(data)) + _LENGTHS.pack(*map(len, frames)) + b"".join(frames) + body


def unpack(payload: bytes, size: int) -> bytes:
    """Undo `pack`.

    Args:
        size: bytes of the file, known from its row; what is taken of the memory is bounded by it.
    Raises:
        DamagedError: it is no such payload, or of a file of another size.
    """
    try:
        file, crc = _rebuilt(payload, size)
    except (
        ValueError,
        IndexError,
        OverflowError,
    ) as error:  # numbers that no file has meet NumPy in many places
        raise DamagedError(f"Expected packed streams, got other bytes: {error}.") from error
    if len(file) != size or google_crc32c.value(file) != crc:
        raise DamagedError("Expected the file that was packed, got other bytes.")
    return file


def _rebuilt(payload: bytes, size: int) -> tuple[bytes, int]:
    """The file, and the CRC-32C that it should have."""
    sections, body, crc = _sections(payload, _MOST_EXPANSION * size + _COLUMN_ROOM)
    layout = Layout.from_json(sections[0])
    if not layout.is_within(size) or layout.num_bytes + len(sections[1]) != size:
        raise DamagedError(f"Expected streams within a file of {size:,} bytes, got others.")
    heights, tails = _frames(sections[4], len(layout.streams))
    height = sum(heights)
    if height * layout.row_bytes > _MOST_EXPANSION * size:
        raise DamagedError(f"Expected samples of a file of {size:,} bytes, got {height:,} rows.")
    dtype = np.dtype(layout.dtype).newbyteorder("=")
    unpack_samples = unpack_jxl if takes_jxl(dtype) else unpack_planes
    samples = unpack_samples(body, (height, layout.width, layout.bands), dtype)
    decisions = from_columns(sections[-NUM_COLUMNS:])
    del sections[-NUM_COLUMNS:]  # which take as much as the samples where there are many matches
    if len(decisions) != len(heights):
        raise DamagedError(f"Expected decisions about {len(heights)} streams, got {len(decisions)}.")
    streams, top, at = [], 0, 0
    for rows, tail, one, segments in zip(heights, tails, decisions, layout.streams, strict=True):
        if len(one.tokens) > most_blocks(sum(length for _, length in segments)):
            raise DamagedError(f"Expected blocks of some length, got {len(one.tokens):,} of them.")
        data = _redone(samples[top : top + rows], sections[2][top : top + rows], layout)
        written = write(with_guesses(one, data), data)
        frame = sections[3][at : at + _ZLIB_HEAD + tail]
        streams.append(frame[:_ZLIB_HEAD] + written + frame[_ZLIB_HEAD:])
        top, at = top + rows, at + _ZLIB_HEAD + tail
    return _joined(sections[1], streams, layout), crc


def _is_zlib(stream: bytes) -> bool:
    """Whether it begins as zlib's streams do (RFC 1950), without a dictionary."""
    head = stream[:_ZLIB_HEAD]
    return (
        len(head) == _ZLIB_HEAD
        and head[0] & 15 == _ZLIB_DEFLATE
        and not (head[1] & 32 or int.from_bytes(head, "big") % 31)
    )


def _share_of_decisions(stream: bytes) -> float:
    """How much of a stream's first blocks its decisions take, all distances being guessed; 1 where it is none."""
    part = stream[_ZLIB_HEAD : 2 * _TRIAL_BYTES]
    try:
        found = parse(part, most=_TRIAL_BYTES)
    except DamagedError:
        return 1.0
    taken = sum(
        len(compressed(column)) for column in columns([replace(found, distances=0 * found.distances)])
    )
    return max(0, taken - _SMALL) / min(len(part), _TRIAL_BYTES)


def _inflated(stream: bytes, room: int, row_bytes: int) -> _Stream | None:
    """None for a damaged stream, one of no whole rows, and one that inflates to more than `room`."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(stream[_ZLIB_HEAD:], max(1, room))
    except zlib.error:
        return None
    if not inflater.eof or not inflated or len(inflated) % row_bytes:
        return None
    return _Stream(data=np.frombuffer(inflated, np.uint8), tail=inflater.unused_data)


def _decisions(stream: bytes, opened: _Stream) -> Decisions:
    found = parse(stream[_ZLIB_HEAD : len(stream) - len(opened.tail)])
    return without_guesses(found, opened.data)


def _undone(streams: Sequence[npt.NDArray[np.uint8]], layout: Layout) -> tuple[Samples, bytes]:
    dtype = np.dtype(layout.dtype)
    height = sum(map(len, streams)) // layout.row_bytes
    samples = np.empty((height, layout.width, layout.bands), dtype.newbyteorder("="))
    filters, top = [], 0
    for stream in streams:
        part, of_part = samples_of(stream, layout.kind, layout.width, layout.bands, dtype)
        samples[top : top + len(part)] = part
        filters.append(of_part)
        top += len(part)
    return samples, b"".join(filters)


def _redone(samples: Samples, filters: bytes, layout: Layout) -> npt.NDArray[np.uint8]:
    return stream_of(samples, filters if layout.kind == PNG else b"", layout.kind, np.dtype(layout.dtype))


def _between(data: bytes, layout: Layout) -> bytes:
    """All bytes of the file that are in no stream."""
    parts, end = [], 0
    for at, length in layout.segments():
        parts.append(data[end:at])
        end = at + length
    return b"".join([*parts, data[end:]])


def _joined(rest: bytes, streams: Sequence[bytes], layout: Layout) -> bytes:
    """Undo `_between`."""
    pieces: list[tuple[int, bytes]] = []
    for stream, segments in zip(streams, layout.streams, strict=True):
        taken = 0
        for at, length in segments:
            pieces.append((at, stream[taken : taken + length]))
            taken += length
    file, taken = bytearray(), 0
    for at, piece in sorted(pieces):
        gap = at - len(file)
        file += rest[taken : taken + gap] + piece
        taken += gap
    return bytes(file + rest[taken:])


def _frames(section: bytes, num_streams: int) -> tuple[list[int], list[int]]:
    """The rows of each stream, and the bytes behind its last block."""
    if len(section) != 8 * num_streams:
        raise DamagedError(f"Expected the rows of {num_streams} streams, got {len(section)} bytes.")
    numbers = np.frombuffer(section, "<u4").reshape(-1, 2)
    return numbers[:, 0].tolist(), numbers[:, 1].tolist()


def _sections(payload: bytes, most: int) -> tuple[list[bytes], bytes, int]:
    at = _CRC.size + _LENGTHS.size
    if len(payload) < at:
        raise DamagedError(f"Expected packed streams, got {len(payload)} bytes.")
    sections = []
    for length in _LENGTHS.unpack_from(payload, _CRC.size):
        sections.append(expanded(payload[at : at + length], most=most))
        at += length
    (crc,) = _CRC.unpack_from(payload)
    return sections, payload[at:], crc
