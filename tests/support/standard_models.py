"""Models of `standard-1` for its tests: as small as they can be, and none of their layers zero."""

from __future__ import annotations

import torch

from codec.families.standard.config import EditorConfig, ModelConfig, PictureConfig
from codec.families.standard.model import StandardModel
from codec.families.standard.weights import Weights, export, understand
from codec.weights_file import parse_weights

COMPACT = ModelConfig(
    shrink=2,
    comcnn=PictureConfig(width=4, pairs=1),
    editor=EditorConfig(width=8, blocks=1),
    reccnn=PictureConfig(width=4, pairs=2),
)
EDIT = ModelConfig(shrink=1, editor=EditorConfig(width=8, blocks=1))
PLAIN = ModelConfig(shrink=1)


def busy(config: ModelConfig) -> Weights:
    """A model whose every layer changes what it is given, so that nothing hides a fault."""
    torch.manual_seed(5)
    model = StandardModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.7 * torch.randn_like(parameter) / max(2.0, parameter[0].numel() ** 0.5))
    return understand(parse_weights(export(model, name="busy", recipe={}), where="test"))
