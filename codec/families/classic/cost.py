"""What the networks of `classic-1` cost to run. No torch here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from codec.cost import kmac_per_pixel, num_parameters
from codec.families.classic.config import (
    DIGIT,
    NETWORK,
    POOLING,
    DenseConfig,
    PooledConfig,
)
from codec.family import Cost
from codec.weights_file import WeightsHeader

Places = dict[str, float]
"""Pixels to a position, by the beginning of a layer's name."""


def cost(weights: WeightsHeader) -> Cost:
    """By the shapes of its layers."""
    network = NETWORK.validate_python(json.loads(weights.config)["network"])
    encoder, decoder = (
        {f"network.{name}": pixels for name, pixels in places.items()}
        for places in _PLACES[network.kind](network)
    )
    return Cost(
        parameters=num_parameters(weights.shapes, without=("tables.",)),
        encode_kmac_per_pixel=kmac_per_pixel(weights.shapes, encoder),
        decode_kmac_per_pixel=kmac_per_pixel(weights.shapes, decoder),
    )


def _dense(network: DenseConfig) -> tuple[Places, Places]:
    block = float(network.block**2)
    return {"reduce": block, "encode": block}, {"decode": block, "expand": block}


def _convolutional(_network: object) -> tuple[Places, Places]:
    near, far, last = 4.0**2, 8.0**2, 16.0**2
    return (
        {"encode_near": near, "encode_far": far, "encode_last": last},
        {"decode_near": near, "decode_far": far, "decode_first": last},
    )


def _pooled(network: PooledConfig) -> tuple[Places, Places]:
    encoder, decoder, count, pixels = Places(), Places(), len(network.layers), 1.0
    for number, layer in enumerate(network.layers):
        if layer == POOLING:
            pixels *= 4.0
        encoder[f"encoder.{number}."] = decoder[f"decoder.{count - number}."] = pixels
    encoder[f"encoder.{count}."] = decoder["decoder.0."] = pixels
    for number, stride in enumerate(network.strides):
        branch = f"branches.{number}"
        encoder |= {f"{branch}.encode.": stride**2, f"{branch}.encode_last": pixels}
        decoder |= {f"{branch}.decode.": pixels, f"{branch}.decode_last": stride**2}
    return encoder, decoder


def _digits(_network: object) -> tuple[Places, Places]:
    digit = float(DIGIT**2)
    return {"encode.": digit}, {"decode.": digit, "generate.": digit}


_PLACES: Final[Mapping[str, Callable[[Any], tuple[Places, Places]]]] = {
    "dense": _dense,
    "convolutional": _convolutional,
    "pooled": _pooled,
    "digits": _digits,
    "preserving": _digits,
}
