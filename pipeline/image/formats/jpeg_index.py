"""Further pictures in a JPEG file: its index of them (MPF), and signs of an HDR gain map."""

from __future__ import annotations

import struct

MPF = b"MPF\x00"
_PREVIEW = 1
"""Class of the MP types that are a smaller copy of the first picture."""
_GAIN_MAPS = (
    b"hdrgm:Version",
    b"ns.adobe.com/hdr-gain-map/",
    b"urn:iso:std:iso:ts:21496",
    b'Semantic="GainMap"',
    b"aux:hdrgainmap",
)
"""Adobe's and Google's, the ISO standard's, and Apple's words for a gain map."""


def tells_of_gain_map(text: bytes) -> bool:
    """Whether a segment, or a picture behind the first, tells that there is a gain map."""
    return any(word in text for word in _GAIN_MAPS)


def further_pictures(index: bytes) -> int:
    """How many pictures beside the first an MPF index lists that are no previews of it; 0 when it is broken."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(index[:4])
    try:
        if order is None:
            return 0
        (ifd,) = struct.unpack_from(f"{order}I", index, 4)
        (count,) = struct.unpack_from(f"{order}H", index, ifd)
        for entry in range(ifd + 2, ifd + 2 + 12 * count, 12):
            tag, _, num_bytes, offset = struct.unpack_from(f"{order}HHII", index, entry)
            if tag == 0xB002:
                starts = range(offset, offset + num_bytes - 15, 16)
                kinds = [struct.unpack_from(f"{order}I", index, start)[0] & 0xFFFFFF for start in starts]
                return sum(kind >> 16 != _PREVIEW for kind in kinds[1:])
    except struct.error:  # the index runs past its end
        return 0
    return 0
