"""What a model of `hyper-1` costs to run."""

from __future__ import annotations

import json
from typing import Final

from codec.cost import kmac_per_pixel, num_parameters
from codec.families.hyper.config import GRID, HYPER_GRID, ModelConfig
from codec.family import Cost
from codec.parts.lattice import WHOLE
from codec.weights_file import WeightsHeader

_FEATURES: Final = (GRID // 2) ** 2
_LATENTS: Final = GRID**2
_BETWEEN: Final = (HYPER_GRID // 2) ** 2
_HYPER_LATENTS: Final = HYPER_GRID**2

_ANALYSIS: Final = {
    "analysis.": _FEATURES,
    "analysis.linear": _LATENTS,
    "analysis.head": _LATENTS,
    "hyper_analysis.": _LATENTS,
    "hyper_analysis.down": _BETWEEN,
    "hyper_analysis.coarse": _BETWEEN,
    "hyper_analysis.head": _HYPER_LATENTS,
}
"""Pixels to a position, by the beginning of a layer's name."""
SYNTHESIS: Final = {"synthesis.": _FEATURES, "synthesis.linear": _LATENTS}
_CONTEXT: Final = {
    "means.": _LATENTS,
    "means.rise_in": _HYPER_LATENTS,
    "means.block": _BETWEEN,
    "means.rise_out": _BETWEEN,
    "scales.": _LATENTS,
    "scales.rise_in": _HYPER_LATENTS,
    "scales.smooth_in": _BETWEEN,
    "scales.rise_out": _BETWEEN,
}


def cost(weights: WeightsHeader) -> Cost:
    """By the shapes of its layers. The context networks run on both sides, pass by pass."""
    model = ModelConfig.model_validate(json.loads(weights.config)["model"])
    context = kmac_per_pixel(weights.shapes, _CONTEXT | _quarters(model))
    return Cost(
        parameters=num_parameters(weights.shapes, without=("integers.",)),
        encode_kmac_per_pixel=kmac_per_pixel(weights.shapes, _ANALYSIS) + context,
        decode_kmac_per_pixel=kmac_per_pixel(weights.shapes, SYNTHESIS) + context,
    )


def _quarters(model: ModelConfig) -> dict[str, int]:
    """Layers that give a quarter of the positions only: those after the look around of the first passes."""
    numbers = [number for number, one in enumerate(model.passes) if one.lattice != WHOLE]
    layers = [
        f"{part}.{number}."
        for number in numbers
        for part in ("means.mix", "means.head", "scales.mix", "scales.head")
    ]
    spread = [f"scales.spread.{number - 1}." for number in numbers if number]
    return dict.fromkeys([*layers, *spread], 4 * _LATENTS)
