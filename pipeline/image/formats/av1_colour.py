"""The colours that an AV1 sequence header tells, where no box of the file does."""

from __future__ import annotations

_SEQUENCE_HEADER = 1
_UNSPECIFIED = (2, 2)


def av1_colours(data: bytes) -> tuple[int, int]:
    """CICP primaries and transfer of the first sequence header; (2, 2), unspecified, where it tells none."""
    at = 0
    while at < len(data):
        kind, has_extension, has_size = data[at] >> 3 & 15, data[at] & 4, data[at] & 2
        at += 2 if has_extension else 1
        size = len(data) - at
        if has_size:
            size, at = _leb128(data, at)
        if kind == _SEQUENCE_HEADER:
            return _colour_description(_Bits(data[at : at + size]))
        at += size
    return _UNSPECIFIED


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """A number of 7 bits in each byte, and where it ends."""
    value = 0
    for shift in range(0, 56, 7):
        byte = data[at] if at < len(data) else 0
        value, at = value | (byte & 0x7F) << shift, at + 1
        if not byte & 0x80:
            break
    return value, at


class _Bits:
    """Reads numbers of any count of bits; zeros behind the end."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        number = self._number >> self._left if self._left >= 0 else 0
        return number & ((1 << count) - 1)

    def skip_unary_prefixed(self) -> None:
        zeros = 0
        while zeros < 32 and not self.take(1):
            zeros += 1
        self.take(zeros)


def _colour_description(bits: _Bits) -> tuple[int, int]:
    profile, _, is_reduced = bits.take(3), bits.take(1), bits.take(1)
    if is_reduced:
        bits.take(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    bits.take(width_bits + height_bits)
    if not is_reduced and bits.take(1):
        bits.take(7)
    bits.take(3)
    if not is_reduced:
        _skip_tools(bits)
    bits.take(3)
    is_deep = bits.take(1)
    if profile == 2 and is_deep:
        bits.take(1)
    if profile != 1:
        bits.take(1)
    return (bits.take(8), bits.take(8)) if bits.take(1) else _UNSPECIFIED


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = 0
    if bits.take(1):  # timing
        bits.take(64)
        if bits.take(1):
            bits.skip_unary_prefixed()
        if bits.take(1):  # decoder model
            delay_bits = bits.take(5) + 1
            bits.take(42)
    has_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay_bits and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if has_delay and bits.take(1):
            bits.take(4)


def _skip_tools(bits: _Bits) -> None:
    bits.take(4)
    has_order = bits.take(1)
    if has_order:
        bits.take(2)
    forces_screen_tools = bits.take(1) or bits.take(1)
    if forces_screen_tools and not bits.take(1):
        bits.take(1)
    if has_order:
        bits.take(3)
