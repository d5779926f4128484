"""What the network of `sketch-1` costs to run. No torch here."""

from __future__ import annotations

from typing import Final

from codec.cost import kmac_per_pixel, num_parameters
from codec.families.sketch.config import GRID
from codec.family import Cost
from codec.weights_file import WeightsHeader

_EIGHTH: Final = 8.0**2
_SIXTEENTH: Final = 16.0**2
_CODE: Final = float(GRID**2)
_HALF: Final = 2.0**2
_ENCODER: Final = {
    "linear": _CODE,
    "stem": _EIGHTH,
    "near": _EIGHTH,
    "widen": _SIXTEENTH,
    "far": _SIXTEENTH,
    "head": _CODE,
}
_DECODER: Final = {
    "linear": _CODE,
    "stem": _CODE,
    "far": _CODE,
    "to_middle": _CODE,
    "middle": _SIXTEENTH,
    "to_near": _SIXTEENTH,
    "near": _EIGHTH,
    "head": _EIGHTH,
    "grain": _EIGHTH,
    "last_near": _EIGHTH,
    "details": _EIGHTH,
    "layers": _HALF,
    "last.": _HALF,
}
"""Pixels to a position, by the beginnings of layers' names."""


def cost(weights: WeightsHeader) -> Cost:
    """By the shapes of its layers; a drawn picture, which takes all of them, is what is counted."""
    encoder, decoder = (
        {f"network.{side}.{name}": pixels for name, pixels in places.items()}
        for side, places in (("encoder", _ENCODER), ("decoder", _DECODER))
    )
    return Cost(
        parameters=num_parameters(weights.shapes, without=("tables.",)),
        encode_kmac_per_pixel=kmac_per_pixel(weights.shapes, encoder),
        decode_kmac_per_pixel=kmac_per_pixel(weights.shapes, decoder),
    )
