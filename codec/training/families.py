"""From the name of a family to its config and its recipe.

Each is imported when asked for: a bare GPU box trains `hyper-1` without ZFP installed.
"""

from __future__ import annotations

from typing import Any, Final

import torch

from codec.errors import ConfigError
from codec.training.config import TrainConfig
from codec.training.recipe import Recipe

FAMILIES: Final = ("ae-zfp-1", "hyper-1")


def config_type(family: object) -> type[TrainConfig]:
    """The config that a family's runs are told.

    Raises:
        ConfigError: there is no such family, or none was named.
    """
    if family == "ae-zfp-1":
        from codec.ae_zfp.recipe import AeZfpTrainConfig

        return AeZfpTrainConfig
    if family == "hyper-1":
        from codec.hyper.recipe import HyperTrainConfig

        return HyperTrainConfig
    raise ConfigError(f"expected `family: {' or '.join(FAMILIES)}`, got {family!r}")


def recipe_for(config: TrainConfig, device: torch.device) -> Recipe[Any]:
    """The recipe that a config is of."""
    if config.family == "ae-zfp-1":
        from codec.ae_zfp.recipe import AeZfpRecipe, AeZfpTrainConfig

        assert isinstance(config, AeZfpTrainConfig)
        return AeZfpRecipe(config, device)
    from codec.hyper.recipe import HyperRecipe, HyperTrainConfig

    assert isinstance(config, HyperTrainConfig)
    return HyperRecipe(config, device)
