"""Which judges a model was trained on: it is not judged by those, and tables mark its scores by them.

A recipe that trains on a judge says so in its weights file: `"recipe": {"trained_on": ["LPIPS (AlexNet)"], ...}`. What
was trained on structural similarity says that by its objective.
"""

from __future__ import annotations

import json
from typing import Any, Final

from codec.codec import Codec
from codec.weights_file import parse_weights

MARK: Final = "*"
"""Beside a score by a judge that the model was trained on."""
TRAINED_ON: Final = "trained_on"
_OF_OBJECTIVE: Final = {"ssim": ("SSIM", "MS-SSIM"), "mixed": ("SSIM", "MS-SSIM")}


def judges_trained_on(codec: Codec) -> frozenset[str]:
    """Names of judges that any weights of a codec were trained on."""
    configs = (parse_weights(data, where=name).config for name, data in codec.weights.items())
    return frozenset[str]().union(*map(judges_of_training, configs))


def judges_of_training(config: str) -> frozenset[str]:
    """Names of judges that the training of one weights file held it against, by the JSON that the file carries."""
    recipe: dict[str, Any] = json.loads(config).get("recipe") or {}
    config_of_run: dict[str, Any] = recipe.get("config") or {}
    sections = (config_of_run, config_of_run.get("loss") or {})
    objective = next((one["objective"] for one in sections if "objective" in one), "mse")
    return frozenset((*recipe.get(TRAINED_ON, ()), *_OF_OBJECTIVE.get(objective, ())))
