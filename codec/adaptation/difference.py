"""Adapted weights as their base and a difference: every tensor of floats moved by whole steps of its own.

    floats     float16(float32(base) + symbol x step), in plain IEEE float32
    integers   base + symbol, wrapping around

Symbols of floats are bytes, most of them zero or next to it, and take about a bit each under LZMA. What is rebuilt is
the adapted weights file byte for byte, its header included. docs/formats/weights.md has the bytes.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from codec.bitstream import DIGEST_BYTES
from codec.errors import WeightsError
from codec.weights_file import parse_weights

MAGIC: Final = b"TFWD\x01"
LARGEST_SYMBOL: Final = 127
_HEAD: Final = struct.Struct("<5s32s32sII")
"""Magic and version, sha256 of base and of the adapted file, lengths of the compressed header and of the symbols of
floats; those of integers follow to the end."""
_ONE_CONTEXT: Final[list[dict[str, int]]] = [
    {"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0, "lp": 0, "pb": 0}
]
"""Bytes that stand for numbers of one kind."""
_FOUR_CONTEXTS: Final[list[dict[str, int]]] = [
    {"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0, "lp": 2, "pb": 2}
]
"""Bytes of 32-bit numbers."""
_MOST_HEADER: Final = 1 << 24
_Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Move:
    """By how many steps each float of a tensor moves."""

    step: np.float32
    symbols: npt.NDArray[np.int8]

    def applied(self, base: _Array) -> _Array:
        """The tensor moved."""
        moved: _Array = (base.astype(np.float32) + self.symbols.astype(np.float32) * self.step).astype(
            base.dtype
        )
        return moved


def base_digest(difference: bytes) -> bytes:
    """Digest of the weights file that it is a difference from, as payloads name weights.

    Raises:
        WeightsError: it is none.
    """
    base_sha256, _, _, _ = _head(difference)
    return base_sha256[:DIGEST_BYTES]


def pack(base: bytes, adapted: bytes, moves: Mapping[str, Move]) -> bytes | None:
    """The difference between two weights files.

    Args:
        moves: of each tensor of floats.
    Returns:
        None where the files do not have the same tensors, or a move does not lead from one to the other: then there is
        none.
    """
    tensors = {name: tensor.numpy() for name, tensor in parse_weights(base, where="the base").tensors.items()}
    moved = {name: tensor.numpy() for name, tensor in parse_weights(adapted, where="adapted").tensors.items()}
    if _kinds(tensors) != _kinds(moved):
        return None
    header = _header_of(adapted)
    floats, integers = bytearray(), bytearray()
    for name in _names(header):
        ours, theirs = tensors[name], moved[name]
        if ours.dtype.kind != "f":
            integers += (theirs - ours).tobytes()
            continue
        move = moves[name]
        if not np.array_equal(move.applied(ours), theirs):
            return None
        floats += move.step.astype("<f4").tobytes() + move.symbols.tobytes()
    parts = [
        lzma.compress(header, filters=_ONE_CONTEXT),
        lzma.compress(bytes(floats), filters=_ONE_CONTEXT),
        lzma.compress(bytes(integers), filters=_FOUR_CONTEXTS),
    ]
    head = _HEAD.pack(MAGIC, _sha256(base), _sha256(adapted), len(parts[0]), len(parts[1]))
    return head + b"".join(parts)


def rebuild(base: bytes, difference: bytes) -> bytes:
    """The adapted weights file, byte for byte.

    Raises:
        WeightsError: the difference is damaged, or is one from another base.
    """
    base_sha256, adapted_sha256, header_size, floats_size = _head(difference)
    if _sha256(base) != base_sha256:
        raise WeightsError(
            f"expected the base {base_sha256.hex()[:16]} of a difference of weights, got {_sha256(base).hex()[:16]}"
        )
    tensors = {name: tensor.numpy() for name, tensor in parse_weights(base, where="the base").tensors.items()}
    body = difference[_HEAD.size :]
    try:
        adapted = _rebuilt(
            tensors,
            _inflate(body[:header_size], _MOST_HEADER),
            _inflate(body[header_size : header_size + floats_size], len(base)),
            _inflate(body[header_size + floats_size :], len(base)),
        )
    except (lzma.LZMAError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"a difference of weights is damaged: {error}") from error
    if _sha256(adapted) != adapted_sha256:
        raise WeightsError(
            f"a difference of weights is damaged: expected it to rebuild {adapted_sha256.hex()[:16]}, got "
            f"{_sha256(adapted).hex()[:16]}"
        )
    return adapted


def _rebuilt(tensors: Mapping[str, _Array], header: bytes, floats: bytes, integers: bytes) -> bytes:
    data = bytearray(header)
    place_of_floats = place_of_integers = 0
    for name in _names(header):
        base = tensors[name]
        if base.dtype.kind == "f":
            step = np.float32(np.frombuffer(floats, "<f4", 1, place_of_floats)[0])
            symbols = np.frombuffer(floats, np.int8, base.size, place_of_floats + 4).reshape(base.shape)
            place_of_floats += 4 + base.size
            data += Move(step=step, symbols=symbols).applied(base).tobytes()
        else:
            symbols = np.frombuffer(integers, base.dtype, base.size, place_of_integers).reshape(base.shape)
            place_of_integers += base.nbytes
            data += (base + symbols).tobytes()
    return bytes(data)


def _head(difference: bytes) -> tuple[bytes, bytes, int, int]:
    if len(difference) < _HEAD.size or not difference.startswith(MAGIC):
        raise WeightsError("expected a difference of weights, got something else, or one of a later version")
    _, base, adapted, header_size, floats_size = _HEAD.unpack_from(difference)
    return base, adapted, header_size, floats_size


def _inflate(data: bytes, most: int) -> bytes:
    """Decompress what holds no more than so many bytes."""
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ)
    found = decompressor.decompress(data, most)
    if not decompressor.eof:
        raise ValueError("it is longer than it can be, or cut short")
    return found


def _header_of(weights: bytes) -> bytes:
    """The first part of a weights file: a length, and JSON that says where each tensor lies in the second."""
    return weights[: 8 + int.from_bytes(weights[:8], "little")]


def _names(header: bytes) -> list[str]:
    """The tensors of a weights file in the order in which they lie there."""
    places = {
        name: entry["data_offsets"][0] for name, entry in json.loads(header[8:]).items() if name[:2] != "__"
    }
    return sorted(places, key=places.__getitem__)


def _kinds(tensors: Mapping[str, _Array]) -> dict[str, tuple[Any, tuple[int, ...]]]:
    return {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
