"""The body of a payload: a segment of coded bits for each iteration, so that a payload can be cut after any of them.

`docs/formats/recurrent-1.md` has it byte by byte. The envelope's checksums hold for the payload as it is; the checksum
of the symbols of a shorter one is noted behind each iteration, so that to cut needs neither weights nor symbols.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from codec.bitstream import Envelope, pack_envelope, parse_envelope, parse_prefix
from codec.errors import BitstreamError, TruncatedError
from codec.families.recurrent import FAMILY

_WORD: Final = 4
_U32: Final = struct.Struct("<I")
_LONG: Final = 0xFF
"""A length in words from here on is written in four bytes behind this one."""
MOST_ITERATIONS: Final = 16
"""Of a payload, whatever its weights have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationSegment:
    """One iteration."""

    words: bytes
    """Range-coded, multiples of four bytes."""
    symbols_crc32: int
    """Of all symbols up to the end of this iteration."""


def pack_body(segments: Sequence[IterationSegment]) -> bytes:
    """As bytes; the last checksum is left to the envelope."""
    head = bytearray([len(segments)])
    for number, segment in enumerate(segments):
        length = len(segment.words) // _WORD
        head += bytes([length]) if length < _LONG else bytes([_LONG]) + _U32.pack(length)
        if number + 1 < len(segments):
            head += _U32.pack(segment.symbols_crc32)
    return bytes(head) + b"".join(segment.words for segment in segments)


def parse_body(body: bytes, *, symbols_crc32: int) -> list[IterationSegment]:
    """The segments of a body whose envelope has a checksum of its symbols.

    Raises:
        BitstreamError: it does not hold as much as it says.
    """
    reading = _Reading(body)
    heads = _heads(reading, symbols_crc32=symbols_crc32)
    segments = [
        IterationSegment(words=reading.take(length * _WORD), symbols_crc32=crc32) for length, crc32 in heads
    ]
    if left := len(body) - reading.at:
        raise BitstreamError(f"{left} bytes are left over behind the last iteration: damaged")
    return segments


def _heads(reading: _Reading, *, symbols_crc32: int) -> list[tuple[int, int]]:
    """Each iteration's words, and the checksum of all symbols up to its end."""
    count = reading.take(1)[0]
    if not 1 <= count <= MOST_ITERATIONS:
        raise BitstreamError(f"expected 1 to {MOST_ITERATIONS} iterations, got {count}: damaged")
    heads = []
    for number in range(count):
        length = reading.take(1)[0]
        if length == _LONG:
            (length,) = _U32.unpack(reading.take(_U32.size))
            if length < _LONG:
                raise BitstreamError("a length is written longer than it is: the payload is damaged")
        crc32 = symbols_crc32
        if number + 1 < count:
            (crc32,) = _U32.unpack(reading.take(_U32.size))
        heads.append((length, crc32))
    return heads


def longest_prefix(prefix: bytes) -> tuple[bytes, float]:
    """The payload of those iterations that the first bytes of another hold whole, and their share of its iterations.

    Raises:
        BitstreamError: not even the first iteration is whole, or the payload is of another codec.
    """
    envelope = parse_prefix(prefix)
    if envelope.family != FAMILY.id:
        raise BitstreamError(f"expected a payload of {FAMILY.id}, got one of {envelope.family}")
    reading = _Reading(envelope.body)
    heads = _heads(reading, symbols_crc32=envelope.symbols_crc32)
    kept: list[IterationSegment] = []
    for length, crc32 in heads:
        if reading.at + length * _WORD > len(envelope.body):
            break
        kept.append(IterationSegment(words=reading.take(length * _WORD), symbols_crc32=crc32))
    if not kept:
        needed = len(prefix) - len(envelope.body) + reading.at + heads[0][0] * _WORD
        raise TruncatedError(needed, len(prefix))
    sound = replace(envelope, body=pack_body(kept), symbols_crc32=kept[-1].symbols_crc32)
    return pack_envelope(sound), len(kept) / len(heads)


def prefix(payload: bytes, iterations: int) -> bytes:
    """A payload of the first iterations of another: shorter, sound, and decoded to what these show.

    No network runs and no bit is decoded: segments are left out, and the checksums are set to what remains.

    Args:
        payload: of this family.
        iterations: how many are kept, from 1 to as many as there are.
    Raises:
        BitstreamError: the payload is damaged, truncated, or of another codec.
        ValueError: it has fewer iterations.
    """
    envelope, segments = _segments(payload)
    if not 1 <= iterations <= len(segments):
        raise ValueError(f"expected 1 to {len(segments)} iterations to keep, got {iterations}")
    kept = segments[:iterations]
    return pack_envelope(replace(envelope, body=pack_body(kept), symbols_crc32=kept[-1].symbols_crc32))


def _segments(payload: bytes) -> tuple[Envelope, list[IterationSegment]]:
    """A payload taken apart."""
    envelope = parse_envelope(payload)
    if envelope.family != FAMILY.id:
        raise BitstreamError(f"expected a payload of {FAMILY.id}, got one of {envelope.family}")
    return envelope, parse_body(envelope.body, symbols_crc32=envelope.symbols_crc32)


class _Reading:
    """Bytes taken one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    def take(self, count: int) -> bytes:
        """The next ones."""
        if self.at + count > len(self._data):
            raise BitstreamError(
                f"expected {count} more bytes of a payload, got {len(self._data) - self.at}: truncated"
            )
        taken = self._data[self.at : self.at + count]
        self.at += count
        return taken
