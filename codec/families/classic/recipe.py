"""How the networks of `classic-1` train: as the grid does, but for the digits, which have losses of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from codec.contract import RGB
from codec.families.classic.networks import CLASSIC
from codec.families.classic.preserving import Preserving, preserving_loss
from codec.families.classic.variational import Digits, coded_by_posterior
from codec.grid.model import GridModel
from codec.grid.recipe import GridRecipe, NearlyDecoded
from codec.training.image_crops import Crops
from codec.training.recipe import BatchLoss


class ClassicRecipe(GridRecipe):
    """Implements `codec.training.recipe.Recipe`."""

    family = CLASSIC

    def begin(
        self, model: GridModel, crops: Crops, held_back: Sequence[RGB], start_from: Path | None
    ) -> None:
        """As the grid does; latents that a loss holds to N(0, 1), and codes, keep the scale that they have.

        Raises:
            WeightsError: `start_from` cannot be used.
        """
        super().begin(model, crops, held_back, start_from)
        network = model.network
        if isinstance(network, Preserving) or (isinstance(network, Digits) and network.deviation is not None):
            with torch.no_grad():
                for parameter in (model.log_gain_C, model.centre_C, model.log_spread_C):
                    parameter.zero_()

    def loss(self, model: GridModel, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        """Rate and distortion, or what preserves a distribution."""
        if isinstance(model.network, Preserving):
            return preserving_loss(model.network, rgb_BCHW, chance)
        return super().loss(model, rgb_BCHW, chance)

    def coded(self, model: GridModel, rgb_BCHW: Tensor, chance: np.random.Generator) -> NearlyDecoded:
        """With noise in place of rounding, or drawn from the posterior that the network gives."""
        if isinstance(model.network, Digits) and model.network.deviation is not None:
            return coded_by_posterior(model, rgb_BCHW, chance)
        return super().coded(model, rgb_BCHW, chance)
