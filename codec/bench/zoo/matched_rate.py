"""The quality at which an image takes so many bytes: whole payloads are made and weighed, nothing is interpolated.

Codecs have scales of their own, whose steps may be 8 % of the bytes (JPEG, low down) or 0.3 % (ours). The nearest
setting is taken, so that one image is off by half a step, up or down, and many are off by much less together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_NEAR_ENOUGH: Final = 0.003
"""Of the bytes' logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestRate:
    """One image at the setting nearest to a rate."""

    quality: float
    payload: bytes


class RateSearch:
    """One image through one codec. What was encoded for one rate narrows the search for the next."""

    def __init__(self, encode: Callable[[float], bytes], qualities: Sequence[float]) -> None:
        """Take an encoder, and its qualities, rising."""
        self._encode, self._qualities = encode, qualities
        self._made: dict[int, bytes] = {}

    def nearest(self, num_bytes: float) -> NearestRate:
        """The setting whose payload is nearest to so many bytes, by ratio; an end of the scale where all are larger,
        or all smaller."""
        low, high = 0, len(self._qualities) - 1
        if self._off(low, num_bytes) >= 0.0:
            return self._at(low)
        if self._off(high, num_bytes) <= 0.0:
            return self._at(high)
        halve = False
        while (
            high - low > 1 and min(self._error(low, num_bytes), self._error(high, num_bytes)) > _NEAR_ENOUGH
        ):
            below, above = self._off(low, num_bytes), self._off(high, num_bytes)
            share = 0.5 if halve else below / (below - above)
            middle = min(max(low + round(share * (high - low)), low + 1), high - 1)
            if self._off(middle, num_bytes) < 0.0:
                low = middle
            else:
                high = middle
            halve = not halve
        return self._at(min((low, high), key=lambda at: self._error(at, num_bytes)))

    def _at(self, at: int) -> NearestRate:
        return NearestRate(quality=self._qualities[at], payload=self._payload(at))

    def _payload(self, at: int) -> bytes:
        if at not in self._made:
            self._made[at] = self._encode(self._qualities[at])
        return self._made[at]

    def _off(self, at: int, num_bytes: float) -> float:
        """Logarithm of how many times too large it is."""
        return math.log(len(self._payload(at)) / num_bytes)

    def _error(self, at: int, num_bytes: float) -> float:
        return abs(self._off(at, num_bytes))
