"""What a preset of `standard-1` costs to run, beside its file."""

from __future__ import annotations

import json

from codec.cost import kmac_per_pixel, num_parameters
from codec.families.standard.config import BLOCK, ModelConfig
from codec.family import Cost
from codec.weights_file import WeightsHeader


def cost(weights: WeightsHeader) -> Cost:
    """By the shapes of its layers: those on pixels run once for each pixel of the file's picture, the editor's once for
    each of its blocks."""
    shrink = ModelConfig.model_validate(json.loads(weights.config)["model"]).shrink
    pixel, block = float(shrink**2), float((shrink * BLOCK) ** 2)
    return Cost(
        parameters=num_parameters(weights.shapes),
        encode_kmac_per_pixel=kmac_per_pixel(weights.shapes, {"comcnn.": pixel, "editor.": block}),
        decode_kmac_per_pixel=kmac_per_pixel(weights.shapes, {"reccnn.": pixel}),
    )
