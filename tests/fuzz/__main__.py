"""Hostile payloads, for as long as one likes: `python -m tests.fuzz --seconds 600` (or `make fuzz`).

Every payload is made from a sound one: cut, flipped, spliced, its header made to lie, then signed with a right
checksum, so that it reaches the decoder. What may happen: an image of the announced size, or a BitstreamError, within
the time and memory that the announced size allows. Anything else ends the run with the seed that shows it again.
"""

from __future__ import annotations

import argparse
import re
import resource
import struct
import sys
import time
import zlib
from collections import Counter

import numpy as np

from codec.bitstream import is_envelope
from codec.codec import Codec
from codec.contract import EncodeOptions
from codec.errors import BitstreamError
from codec.payload_head import read_head
from tests.golden import golden_codec, golden_families
from tests.support.block_codec import block_codec
from tests.support.photographs import picture

_LARGEST = 1 << 20
"""Pixels a lying header may announce here: more is as sound, and as slow as its size."""
_SECONDS = 20.0
_BYTES = 1 << 30
_CRC_AT = dict.fromkeys((b"TFH1", b"TFH2", b"TFH3", b"TFH4"), 26) | {b"TFZ1": 36}
_ENVELOPE_CRC_AT = 17


def sign(payload: bytearray) -> bytes:
    """Make the payload's checksum right again."""
    at = _ENVELOPE_CRC_AT if is_envelope(payload) else _CRC_AT.get(bytes(payload[:4]))
    if at is None or len(payload) < at + 4:
        return bytes(payload)
    crc32 = zlib.crc32(payload[:at])
    if not is_envelope(payload):
        crc32 = zlib.crc32(bytes(4), crc32)
    struct.pack_into("<I", payload, at, zlib.crc32(payload[at + 4 :], crc32))
    return bytes(payload)


def mangle(payload: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """One hostile payload."""
    data = bytearray(payload)
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(max(1, len(data))))
        kind = rng.integers(6)
        if kind == 0:
            del data[place:]
        elif kind == 1 and data:
            data[place] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            data[place : place + 8] = rng.bytes(int(rng.integers(0, 16)))
        elif kind == 3:
            data[place:] = other[place:]
        elif kind == 4 and data:
            data[min(place, 40) : min(place, 40) + 4] = rng.bytes(4)
        else:
            data += rng.bytes(int(rng.integers(1, 64)))
    return sign(data)


def announced_pixels(payload: bytes) -> int:
    """What the header says, if there is one."""
    try:
        head = read_head(payload)
    except BitstreamError:
        return 0
    return head.width * head.height


def attempt(codec: Codec, payload: bytes) -> str:
    """Decode one; returns how it ended."""
    began = time.monotonic()
    try:
        (decoded,) = codec.decode([payload])
        ended = "decoded" if decoded.pixels.dtype == np.uint8 else "odd"
    except BitstreamError as error:
        ended = re.sub(r"[0-9a-f]*[0-9][0-9a-f]*", "#", str(error))[:60]
    if time.monotonic() - began > _SECONDS:
        raise TimeoutError(
            f"{time.monotonic() - began:.1f} s for {announced_pixels(payload)} announced pixels"
        )
    return ended


def main() -> int:
    """Run until the time is over or something is found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else int(time.time())
    print(f"seed {seed}")
    codecs = [*(golden_codec(family) for family in golden_families()), block_codec()]
    rng = np.random.default_rng(seed)
    ends: Counter[str] = Counter()
    until = time.monotonic() + arguments.seconds
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sound = [
        [
            codec.encode([picture(side, side + 9, side)], EncodeOptions(quality=q))[0].payload
            for side in (5, 40, 90)
            for q in (3, 55)
        ]
        for codec in codecs
    ]
    while time.monotonic() < until:
        which = int(rng.integers(len(codecs)))
        pool = sound[which]
        payload = mangle(pool[rng.integers(len(pool))], pool[rng.integers(len(pool))], rng)
        if announced_pixels(payload) > _LARGEST:
            continue
        try:
            ends[attempt(codecs[which], payload)] += 1
        except Exception as error:  # noqa: BLE001  whatever it is, it is the finding
            print(f"FOUND by seed {seed}: {type(error).__name__}: {error}\n{payload.hex()}")
            return 1
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    for words, count in ends.most_common():
        print(f"{count:>9}  {words}")
    print(f"{sum(ends.values())} payloads, peak memory +{grown >> 20} MiB")
    return 0 if grown < _BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
