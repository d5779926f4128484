"""Strips: whole rows of latents, a multiple of 4, about `STRIP` positions; a walk never holds more at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from torch import Tensor

STRIP: Final = 16384
"""Latent positions of a strip, about. Part of the format."""
RATIO: Final = 4
"""Latents per hyper-latent, each way."""


def strips(height: int, width: int) -> Iterator[slice]:
    """Rows of latents, rounded up to multiples of 4, in strips."""
    padded = -(-height // RATIO) * RATIO
    step = max(1, STRIP // width // RATIO) * RATIO
    for start in range(0, padded, step):
        yield slice(start, min(padded, start + step))


def with_halo(rows: slice, height: int, halo: int) -> tuple[slice, slice]:
    """Rows with up to `halo` more on either side, and where the rows lie among those."""
    start, stop = max(0, rows.start - halo), min(height, rows.stop + halo)
    return slice(start, stop), slice(rows.start - start, rows.stop - start)


def channels_first(a_BhwC: Tensor) -> Tensor:
    """(B, h, w, C) -> (B, C, h, w), the same memory."""
    return a_BhwC.permute(0, 3, 1, 2)
