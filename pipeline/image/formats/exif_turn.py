"""An EXIF block that says an orientation, with all else in it byte for byte where it was."""

from __future__ import annotations

import struct

from pipeline.image.formats.header import orientation_of

_ORIENTATION, _SHORT = 0x0112, 3


def with_orientation(exif: bytes | None, orientation: int) -> bytes | None:
    """EXIF that says the orientation.

    What says it already comes back as it is. To others a new first directory is appended, with all entries of the old
    one, whose values stay where they are.

    Returns:
        None when the block is broken, and cannot say anything.
    """
    if orientation_of(exif) == orientation:
        return exif
    block = exif or b"MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00"
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(block[:4])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        following = block[start + 2 + 12 * count : start + 6 + 12 * count]
    except struct.error:
        return None
    if len(following) != 4:
        return None
    entries = {block[at : at + 2]: block[at : at + 12] for at in range(start + 2, start + 2 + 12 * count, 12)}
    own = struct.pack(f"{order}HHIHH", _ORIENTATION, _SHORT, 1, orientation, 0)
    entries[own[:2]] = own
    rows = sorted(entries.values(), key=lambda entry: struct.unpack(f"{order}H", entry[:2]))
    directory = struct.pack(f"{order}H", len(rows)) + b"".join(rows) + following
    if exif is None:
        return block[:8] + directory
    padded = block + b"\x00" * (len(block) % 2)
    return padded[:4] + struct.pack(f"{order}I", len(padded)) + padded[8:] + directory
