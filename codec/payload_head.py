"""What any payload says of itself by position, for readers that know no family: which weights it needs, and its size.

Envelopes are one kind; two kinds are older and closed: `hyper-1` (docs/formats/hyper-1.md) and `ae-zfp-1`
(docs/formats/ae-zfp-1.md).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from codec.bitstream import is_envelope, parse_head
from codec.errors import BitstreamError

_HYPER_MAGICS: Final = (b"TFH1", b"TFH2", b"TFH3", b"TFH4")
"""The later two order their symbols otherwise; the even ones have an importance map."""
_HYPER_1: Final = struct.Struct("<4sH8sIII")
"""Magic, quality in sixteenths, digest, width, height, CRC of the symbols."""
_AE_ZFP_1: Final = struct.Struct("<4sBBH8sIIfI")
"""Magic, version, preset, channels, digest, width, height, step, CRC of the symbols."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadHead:
    """What the first bytes of a payload say. No checksum was compared: that needs the whole payload."""

    family: str
    """Id of the codec."""
    weights_digest: bytes
    """First 8 bytes of the sha256 of the weights file that made it."""
    width: int
    height: int
    """Of the image, in pixels."""
    sixteenths: int | None
    """Quality in sixteenths of a level; None for `ae-zfp-1`, which writes a quantiser step instead."""
    symbols_crc32: int
    """Of the symbols inside."""


def read_head(start: bytes | memoryview) -> PayloadHead:
    """What a payload says of itself.

    Args:
        start: the payload, or its first `codec.bitstream.HEAD_BYTES`.
    Raises:
        BitstreamError: it is truncated, or of no kind that this build knows.
    """
    magic = bytes(start[:4])
    try:
        if magic in _HYPER_MAGICS:
            _, sixteenths, digest, width, height, crc32 = _HYPER_1.unpack_from(start)
            return PayloadHead(
                family="hyper-1",
                weights_digest=digest,
                width=width,
                height=height,
                sixteenths=sixteenths,
                symbols_crc32=crc32,
            )
        if magic == b"TFZ1":
            _, _, _, _, digest, width, height, _, crc32 = _AE_ZFP_1.unpack_from(start)
            return PayloadHead(
                family="ae-zfp-1",
                weights_digest=digest,
                width=width,
                height=height,
                sixteenths=None,
                symbols_crc32=crc32,
            )
    except struct.error as error:
        raise BitstreamError(
            f"expected the header of a payload, got {len(start)} bytes: truncated"
        ) from error
    if not is_envelope(start):
        raise BitstreamError(f"expected a payload of this project, got one that begins with {magic!r}")
    envelope, _ = parse_head(start)
    return PayloadHead(
        family=envelope.family,
        weights_digest=envelope.weights_digest,
        width=envelope.width,
        height=envelope.height,
        sixteenths=envelope.sixteenths,
        symbols_crc32=envelope.symbols_crc32,
    )


def weights_digest(start: bytes | memoryview) -> bytes | None:
    """Which weights file a payload was made with, as `PayloadHead.weights_digest`; None where nothing says so."""
    try:
        return read_head(start).weights_digest
    except BitstreamError:
        return None
