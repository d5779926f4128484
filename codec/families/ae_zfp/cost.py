"""What a preset of `ae-zfp-1` costs to run."""

from __future__ import annotations

from typing import Final

from codec.cost import kmac_per_pixel, num_parameters
from codec.family import Cost
from codec.weights_file import WeightsHeader

_ENCODER: Final = {"analysis": 256, "encoder": 64, "encoder_head": 256}
"""Pixels to a position, by the beginning of a layer's name."""
_DECODER: Final = {"synthesis": 256, "decoder": 64, "decoder_detail": float("inf")}
"""The detail is one number an image, and so is what becomes of it."""


def cost(weights: WeightsHeader) -> Cost:
    """By the shapes of its layers."""
    return Cost(
        parameters=num_parameters(weights.shapes),
        encode_kmac_per_pixel=kmac_per_pixel(weights.shapes, _ENCODER),
        decode_kmac_per_pixel=kmac_per_pixel(weights.shapes, _DECODER),
    )
