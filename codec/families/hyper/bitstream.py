"""The payload of `hyper-1`, which is older than the envelope and says the same in a header of its own, of 30 bytes.

`docs/formats/hyper-1.md` has it byte by byte. The checksum covers everything, and is tested before anything is decoded.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from codec.bitstream import Envelope
from codec.entropy.tables import SILENT, TABLES
from codec.errors import BitstreamError, TruncatedError
from codec.families.hyper import FAMILY

MAGICS: Final = {
    (False, False): b"TFH1",
    (False, True): b"TFH2",
    (True, False): b"TFH3",
    (True, True): b"TFH4",
}
"""By whether wide tables come first, and whether the image has an importance map: then one byte, the table that codes
it, lies between header and body."""
_KINDS: Final = {magic: kind for kind, magic in MAGICS.items()}
_HEADER: Final = struct.Struct("<4sH8sIIII")
HEADER_BYTES: Final = _HEADER.size


def pack_payload(envelope: Envelope) -> bytes:
    """As bytes."""
    is_mapped, rest = envelope.map_table is not None, envelope.body
    if envelope.map_table is not None:
        rest = bytes([envelope.map_table]) + rest
    fields = (
        MAGICS[envelope.wide_first, is_mapped],
        envelope.sixteenths,
        envelope.weights_digest,
        envelope.width,
        envelope.height,
        envelope.symbols_crc32,
    )
    crc32 = zlib.crc32(rest, zlib.crc32(_HEADER.pack(*fields, 0)))
    return _HEADER.pack(*fields, crc32) + rest


def parse_payload(payload: bytes | memoryview) -> Envelope:
    """A payload, checked.

    Raises:
        BitstreamError: it is truncated, damaged, too large, or not of this format.
    """
    view = memoryview(payload)
    _check_header(view)
    (crc32,) = struct.unpack_from("<I", view, HEADER_BYTES - 4)
    head = bytes(view[: HEADER_BYTES - 4]) + bytes(4)
    if (found := zlib.crc32(view[HEADER_BYTES:], zlib.crc32(head))) != crc32:
        raise BitstreamError(
            f"expected checksum {crc32:08x}, got {found:08x}: the payload is damaged or truncated"
        )
    return parse_prefix(view)


def parse_prefix(prefix: bytes | memoryview) -> Envelope:
    """The beginning of a payload, with as much of the body as there is; its checksum is of the whole, and not compared.

    Raises:
        BitstreamError: the header is truncated, or not of this format.
    """
    view = memoryview(prefix)
    _check_header(view)
    magic, sixteenths, digest, width, height, symbols_crc32, _ = _HEADER.unpack_from(view)
    body, map_table = view[HEADER_BYTES:], None
    wide_first, is_mapped = _KINDS[bytes(magic)]
    if is_mapped:
        map_table, body = _map_table(body), body[1:]
    try:
        return Envelope(
            family=FAMILY.id,
            weights_digest=bytes(digest),
            width=width,
            height=height,
            sixteenths=sixteenths,
            symbols_crc32=symbols_crc32,
            map_table=map_table,
            wide_first=wide_first,
            body=bytes(body),
        )
    except ValueError as error:
        raise BitstreamError(f"a payload announces what this build does not decode: {error}") from error


def _check_header(view: memoryview) -> None:
    """Refuse what has no header of this format."""
    if len(view) < HEADER_BYTES:
        raise TruncatedError(HEADER_BYTES, len(view))
    if (magic := bytes(view[:4])) not in _KINDS:
        magics = ", ".join(map(repr, _KINDS))
        raise BitstreamError(
            f"expected a payload that begins with one of {magics}, got {magic!r}: damaged, of another codec, or "
            "written by a newer tenfold"
        )


def _map_table(rest: memoryview) -> int:
    """The table that codes an importance map, from what follows a header."""
    if not rest or not SILENT <= rest[0] < TABLES:
        got = f"table {rest[0]}" if rest else "nothing"
        raise BitstreamError(
            f"expected a table from {SILENT} to {TABLES - 1} of an importance map, got {got}: damaged"
        )
    return rest[0]
