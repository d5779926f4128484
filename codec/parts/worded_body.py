"""Words in a payload, of families that take them: the beginning of the body, deflated; the rest is as without.

`docs/formats/sketch-1.md` has it byte by byte.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from typing import Final

from codec.bitstream import Envelope, pack_envelope, parse_envelope, parse_prefix
from codec.errors import BitstreamError, TruncatedError
from codec.image_words import MOST_BYTES
from codec.parts.tiled_model import PayloadFormat

_LENGTH: Final = struct.Struct("<H")
_LEVEL: Final = 9
_RAW: Final = -15
"""Deflate without a header and a checksum: the envelope has one."""


def _pack(envelope: Envelope) -> bytes:
    deflated = _deflated(envelope.words)
    return pack_envelope(replace(envelope, body=_LENGTH.pack(len(deflated)) + deflated + envelope.body))


def _parse(payload: bytes) -> Envelope:
    return _unfolded(parse_envelope(payload))


def _parse_prefix(prefix: bytes) -> Envelope:
    return _unfolded(parse_prefix(prefix))


WORDED: Final = PayloadFormat(pack=_pack, parse=_parse, parse_prefix=_parse_prefix, holds_words=True)
"""As `TiledCodec` takes it."""


def _deflated(words: str | None) -> bytes:
    if words is None:
        return b""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    return packer.compress(words.encode("utf-8")) + packer.flush()


def _unfolded(envelope: Envelope) -> Envelope:
    """With the words out of the body.

    Raises:
        BitstreamError: it does not hold them as it says.
    """
    body = envelope.body
    if len(body) < _LENGTH.size:
        raise TruncatedError(_LENGTH.size, len(body))
    end = _LENGTH.size + _LENGTH.unpack_from(body)[0]
    if len(body) < end:
        raise TruncatedError(end, len(body))
    words = _inflated(body[_LENGTH.size : end]) if end > _LENGTH.size else None
    return replace(envelope, words=words, body=body[end:])


def _inflated(deflated: bytes) -> str:
    unpacker = zlib.decompressobj(_RAW)
    try:
        found = unpacker.decompress(deflated, MOST_BYTES + 1)
        if len(found) > MOST_BYTES or not unpacker.eof or unpacker.unused_data:
            raise BitstreamError(
                f"expected words of up to {MOST_BYTES} bytes in {len(deflated)} bytes of a payload: they are damaged"
            )
        return found.decode("utf-8")
    except (zlib.error, UnicodeDecodeError) as error:
        raise BitstreamError(f"expected deflated text in a payload: {error}; it is damaged") from error
