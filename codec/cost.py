"""How many multiplications networks take, told by the shapes of their weights: nothing is run, nothing is loaded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

_WEIGHT: Final = ".weight"
_THOUSAND: Final = 1000.0


def kmac_per_pixel(shapes: Mapping[str, tuple[int, ...]], pixels: Mapping[str, float]) -> float:
    """Thousands of multiplications for each pixel: every weight of a layer is used once at each position of what the
    layer gives, and of what it takes where it is a transposed convolution.

    Args:
        shapes: of all tensors of a weights file; those whose names end in `.weight` multiply.
        pixels: how many pixels there are to a position of a layer, by the beginning of its name: 256 at 1/16 of the
            size. The longest one that fits counts; a layer that none fits is not of this side, and is left out.
    """
    return (
        math.fsum(
            math.prod(shape) / pixels[place]
            for name, shape in shapes.items()
            if name.endswith(_WEIGHT) and (place := _longest(name, pixels)) is not None
        )
        / _THOUSAND
    )


def num_parameters(shapes: Mapping[str, tuple[int, ...]], *, without: tuple[str, ...] = ()) -> int:
    """How many numbers the tensors hold, but for those whose names begin with one of `without`."""
    return sum(math.prod(shape) for name, shape in shapes.items() if not name.startswith(without))


def _longest(name: str, beginnings: Mapping[str, float]) -> str | None:
    return max((one for one in beginnings if name.startswith(one)), key=len, default=None)
