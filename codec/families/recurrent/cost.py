"""What a model of `recurrent-1` costs to run, all its iterations."""

from __future__ import annotations

import json
from typing import Final

from codec.cost import kmac_per_pixel, num_parameters
from codec.families.recurrent.config import GRID, ModelConfig
from codec.family import Cost
from codec.weights_file import WeightsHeader

_BLOCK: Final = GRID * GRID
_ENCODER: Final = {"analysis.": _BLOCK, "encoder": _BLOCK}
"""Pixels to a position, by the beginning of a layer's name."""
_DECODER: Final = {"decoder": _BLOCK}
_SYNTHESIS: Final = {"synthesis.": _BLOCK}


def cost(weights: WeightsHeader) -> Cost:
    """By the shapes of its layers. An encoder runs the decoder too: it sends what that lacks."""
    model = ModelConfig.model_validate(json.loads(weights.config)["model"])
    runs, shapes = model.iterations + model.priming, weights.shapes
    linear = model.iterations * kmac_per_pixel(shapes, _SYNTHESIS)
    decode = runs * kmac_per_pixel(shapes, _DECODER) + linear
    return Cost(
        parameters=num_parameters(shapes, without=("active_T", "counts")),
        encode_kmac_per_pixel=runs * kmac_per_pixel(shapes, _ENCODER) + decode,
        decode_kmac_per_pixel=decode,
    )
