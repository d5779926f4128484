"""The envelope: what every new payload says of itself, whatever family made it.

`docs/formats/envelope.md` has it byte by byte. The checksum covers header and body, and is tested before anything of
the body is decoded.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, replace
from typing import Final

from codec.contract import QUALITIES, SIXTEENTHS
from codec.errors import BitstreamError, TruncatedError

MAGIC: Final = b"TF"
VERSION: Final = 1
DIGEST_BYTES: Final = 8
MAX_PIXELS: Final = 2**30
"""Largest image a payload may announce: a gigapixel."""
MAX_SIDE: Final = 2**20
HEAD_BYTES: Final = 96
"""No header is longer."""

_FIXED: Final = struct.Struct("<2sBH8sII")
_CRC_AT: Final = _FIXED.size - 4
_ID_BITS: Final = 6
_LONGEST_ID: Final = (1 << _ID_BITS) - 1
_FIRST_LETTER: Final = ord("A")
"""Of the older kinds' third byte; versions of the envelope stay below."""
_FAMILY: Final = re.compile(r"[a-z0-9]+([-/.][a-z0-9]+)*")
_MAX_VARINT: Final = 3
_LIMITS: Final = f"sides to {MAX_SIDE}, {MAX_PIXELS} pixels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A payload, taken apart."""

    family: str
    """Id of the codec, in lower case: `hyper-1`."""
    weights_digest: bytes
    """First 8 bytes of the sha256 of the weights file that made it."""
    width: int
    height: int
    """Of the image, in pixels."""
    sixteenths: int
    """Quality in sixteenths of a level."""
    symbols_crc32: int
    """zlib.crc32 of all symbols as little-endian int16, in the order of decoding."""
    body: bytes
    """The family's own."""
    map_table: int | None = None
    """The table that codes the image's importance map, which is the beginning of the body; None where it has none. The
    envelope itself has no place for it: only families with a header of their own do."""
    wide_first: bool = False
    """Whether the symbols of wide tables come first in each group of the body. The envelope itself cannot say it."""
    words: str | None = None
    """What somebody says of the image. The envelope itself has no place for it: families that take words put them into
    the body (`codec/parts/worded_body.py`)."""

    def __post_init__(self) -> None:
        """Refuse what no header can say.

        Raises:
            ValueError: a field is outside its range.
        """
        if len(self.family) > _LONGEST_ID or not _FAMILY.fullmatch(self.family):
            raise ValueError(
                f"expected a family's id of lower-case letters, digits, `-`, `/` and `.`, got {self.family!r}"
            )
        if len(self.weights_digest) != DIGEST_BYTES:
            raise ValueError(f"expected a digest of {DIGEST_BYTES} bytes, got {len(self.weights_digest)}")
        if not 0 <= self.sixteenths <= (QUALITIES.stop - 1) * SIXTEENTHS:
            raise ValueError(
                f"expected a quality up to {QUALITIES.stop - 1}, got {self.sixteenths / SIXTEENTHS}"
            )
        if not fits(self.width, self.height):
            raise ValueError(f"expected an image within {_LIMITS}, got {self.width} x {self.height}")


def fits(width: int, height: int) -> bool:
    """Whether a payload may announce an image of so many pixels."""
    return 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS


def check_size(width: int, height: int) -> None:
    """Refuse an image that no payload can hold.

    Raises:
        ValueError: it is larger than a payload may announce.
    """
    if not fits(width, height):
        raise ValueError(f"expected an image within what a payload holds ({_LIMITS}), got {width} x {height}")


def pack_envelope(envelope: Envelope) -> bytes:
    """As bytes."""
    family = envelope.family.encode("ascii")
    fields = (
        MAGIC,
        VERSION,
        envelope.sixteenths << _ID_BITS | len(family),
        envelope.weights_digest,
        envelope.symbols_crc32,
    )
    rest = family + _varint(envelope.width) + _varint(envelope.height) + envelope.body
    fixed = _FIXED.pack(*fields, 0)[:_CRC_AT]
    return fixed + struct.pack("<I", zlib.crc32(rest, zlib.crc32(fixed))) + rest


def parse_envelope(payload: bytes | memoryview) -> Envelope:
    """A payload, checked.

    Raises:
        BitstreamError: it is truncated, damaged, too large, or no envelope that this build reads.
    """
    view = memoryview(payload)
    envelope, at = parse_head(view)
    (crc32,) = struct.unpack_from("<I", view, _CRC_AT)
    if (found := zlib.crc32(view[_FIXED.size :], zlib.crc32(view[:_CRC_AT]))) != crc32:
        raise BitstreamError(
            f"expected checksum {crc32:08x}, got {found:08x}: the payload is damaged or truncated"
        )
    return replace(envelope, body=bytes(view[at:]))


def parse_prefix(prefix: bytes | memoryview) -> Envelope:
    """The beginning of a payload, with as much of the body as there is; its checksum is of the whole, and not compared.

    Raises:
        BitstreamError: the header is truncated, or none that this build reads.
    """
    envelope, at = parse_head(prefix)
    return replace(envelope, body=bytes(prefix[at:]))


def is_envelope(start: bytes | bytearray | memoryview) -> bool:
    """Whether a payload that begins so is an envelope, of whatever version; older kinds have a letter there."""
    return bytes(start[:2]) == MAGIC and len(start) > 2 and start[2] < _FIRST_LETTER


def parse_head(start: bytes | memoryview) -> tuple[Envelope, int]:
    """What the header of an envelope says, not checked against its checksum, and where the body begins.

    Args:
        start: the payload, or at least its first `HEAD_BYTES`; with more behind it or without.
    Returns:
        The envelope without its body, and the body's offset.
    Raises:
        BitstreamError: it is truncated, or no envelope that this build reads.
    """
    if len(start) < _FIXED.size:
        raise TruncatedError(_FIXED.size, len(start))
    _, version, packed, digest, symbols_crc32, _ = _FIXED.unpack_from(start)
    if not is_envelope(start):
        raise BitstreamError(
            f"expected a payload that begins with {MAGIC!r} and a version, got {bytes(start[:4])!r}: damaged, or of "
            "another codec"
        )
    if version != VERSION:
        raise BitstreamError(
            f"expected envelope version {VERSION}, got {version}: damaged, or written by a newer tenfold; upgrade "
            "to read it"
        )
    end = _FIXED.size + (packed & _LONGEST_ID)
    width, at = _parse_varint(start, end)
    height, at = _parse_varint(start, at)
    try:
        envelope = Envelope(
            family=bytes(start[_FIXED.size : end]).decode("ascii"),
            weights_digest=digest,
            width=width,
            height=height,
            sixteenths=packed >> _ID_BITS,
            symbols_crc32=symbols_crc32,
            body=b"",
        )
    except ValueError as error:  # UnicodeDecodeError is one
        raise BitstreamError(f"a payload announces what none can hold: {error}; it is damaged") from error
    return envelope, at


def _varint(value: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _parse_varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """A number and where what follows it begins."""
    value = 0
    for place in range(_MAX_VARINT):
        if at + place >= len(data):
            raise BitstreamError("a payload ends inside its header: truncated")
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            if byte == 0 and place:
                raise BitstreamError("a size is written longer than it is: the payload is damaged")
            return value, at + place + 1
    raise BitstreamError("a size is longer than any can be: the payload is damaged")
