"""ThumbHash: a picture in 19 to 25 bytes, enough to show where its colours are until the picture comes.

The format is that of https://evanw.github.io/thumbhash/: brightness, two colour differences and transparency, each as
the first few terms of a cosine transform, four bits a term.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

MOST_SIDE: Final = 100
"""Pixels of the longer side of what is hashed: more of them change nothing that shows."""
_STILL: Final = 1e-9
"""Waves that are lower come of rounding alone, and of each machine's own."""
Channel = npt.NDArray[np.float64]


def thumbhash(rgba: npt.NDArray[np.uint8]) -> bytes:
    """The hash of an upright picture.

    Args:
        rgba: (H, W, 4), sRGB, alpha not multiplied in; sides of 1 to `MOST_SIDE`.
    """
    height, width = rgba.shape[:2]
    if not 0 < max(height, width) <= MOST_SIDE:
        raise ValueError(f"Expected sides of 1 to {MOST_SIDE} pixels to hash, got {width}x{height}.")
    scaled = rgba / 255
    alpha = scaled[..., 3]
    opacity = alpha.mean()
    colours = scaled[..., :3] * alpha[..., None]
    mean = colours.mean(axis=(0, 1)) / (opacity or 1)
    red, green, blue = np.moveaxis(colours + mean * (1 - alpha[..., None]), 2, 0)

    has_alpha = bool((rgba[..., 3] < 255).any())
    most = 5 if has_alpha else 7
    across, down = (max(1, _rounded(most * side / max(width, height))) for side in (width, height))
    light = _Terms.of((red + green + blue) / 3, max(3, across), max(3, down))
    yellow = _Terms.of((red + green) / 2 - blue, 3, 3)
    reddish = _Terms.of(red - green, 3, 3)
    is_landscape = width > height
    fields = [
        (_rounded(63 * light.mean), 6),
        (_rounded(31.5 + 31.5 * yellow.mean), 6),
        (_rounded(31.5 + 31.5 * reddish.mean), 6),
        (_rounded(31 * light.scale), 5),
        (int(has_alpha), 1),
        (down if is_landscape else across, 3),
        (_rounded(63 * yellow.scale), 6),
        (_rounded(63 * reddish.scale), 6),
        (int(is_landscape), 1),
    ]
    channels = [light, yellow, reddish]
    if has_alpha:
        opaque = _Terms.of(alpha, 5, 5)
        fields += [(_rounded(15 * opaque.mean), 4), (_rounded(15 * opaque.scale), 4)]
        channels.append(opaque)
    fields += [(_rounded(15 * term), 4) for channel in channels for term in channel.terms]
    return _packed(fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """A channel as cosines: the constant one, the largest of the others, and these between 0 and 1."""

    mean: float
    scale: float
    terms: list[float]

    @classmethod
    def of(cls, channel: Channel, across: int, down: int) -> _Terms:
        """The lowest frequencies, a triangle of them, row by row."""
        height, width = channel.shape
        found = _cosines(down, height) @ channel @ _cosines(across, width).T / channel.size
        first, *rest = found[_triangle(across, down)].tolist()
        scale = max(map(abs, rest))
        if scale < _STILL:
            return cls(mean=first, scale=0.0, terms=[0.0] * len(rest))
        return cls(mean=first, scale=scale, terms=[0.5 + 0.5 * term / scale for term in rest])


@cache
def _cosines(count: int, length: int) -> Channel:
    waves: Channel = np.cos(np.pi / length * np.outer(np.arange(count), np.arange(length) + 0.5))
    return waves


@cache
def _triangle(across: int, down: int) -> npt.NDArray[np.bool_]:
    rows, columns = np.mgrid[:down, :across]
    inside: npt.NDArray[np.bool_] = columns * down < across * (down - rows)
    return inside


def _rounded(value: float) -> int:
    """Halves go up, as in the implementations in other languages."""
    return int(np.floor(value + 0.5))


def _packed(fields: list[tuple[int, int]]) -> bytes:
    """(value, bits) one after the other, the lowest bits first, in whole bytes."""
    number = at = 0
    for value, bits in fields:
        number |= value << at
        at += bits
    return number.to_bytes(-(-at // 8), "little")
