"""What learns in a run: a model, the running average of its weights, and the optimiser that moves them.

A model may hold two players, of which the second learns from an objective of its own (`recipe.py`): their gradients are
kept apart, and one optimiser moves both.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from codec.contract import RGB
from codec.training.batch_shares import Shares
from codec.training.checkpoint import Checkpoint
from codec.training.config import TrainConfig
from codec.training.image_crops import Crops
from codec.training.optimiser import Optimiser
from codec.training.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """One optimiser step."""

    taken: bool
    """Whether the weights moved: they do not when the loss or a gradient is not finite."""
    values: dict[str, float]
    """The loss, its parts and the norm of the gradient, by the names they have in the log."""


class Learner:
    """A model of a recipe in training."""

    def __init__(self, recipe: Recipe[Any], config: TrainConfig) -> None:
        """Build the model from the config's seed; it has no weights worth using until `begin` or `restore`."""
        self._recipe, self._settings = recipe, config.optimiser
        torch.manual_seed(config.seed)
        self._model = recipe.build().to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self._model).requires_grad_(False).eval()
        """The model with averaged weights: what is measured and exported."""
        groups = recipe.groups(self._model)
        of_rival = {id(one) for group in groups if group.rival for one in group.parameters}
        learning = [one for one in self._model.parameters() if one.requires_grad]
        self._own = [one for one in learning if id(one) not in of_rival]
        self._rivals = [one for one in learning if id(one) in of_rival]
        self._optimiser = Optimiser(groups, config.optimiser)

    def begin(self, crops: Crops, held_back: Sequence[RGB], start_from: Path | None) -> None:
        """Give the model its first weights.

        Raises:
            WeightsError: `start_from` cannot be used.
        """
        self._recipe.begin(self._model, crops, held_back, start_from)
        self.average.load_state_dict(self._model.state_dict())

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take back the weights and the optimiser's state."""
        self._model.load_state_dict(checkpoint.model)
        self.average.load_state_dict(checkpoint.ema)
        self._optimiser.load_state_dict(checkpoint.optimiser)

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of it: `model`, `ema` and `optimiser`."""
        return {
            "model": self._model.state_dict(),
            "ema": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }

    def learn(
        self, rgb_BCHW: Tensor, chance: np.random.Generator, *, step: int, rate: float, shares: Shares
    ) -> StepResult:
        """Take one step on a batch.

        Args:
            rgb_BCHW: patches in [0, 1], on the recipe's device.
            chance: where everything random in the step comes from.
            step: steps taken before, in all sessions.
            rate: learning rate.
        """
        objective = partial(self._recipe.loss, self._model)
        loss = shares.backward(objective, self._own, rgb_BCHW, chance, self._rivals)
        measured = {"loss": loss.total, "norm": self._clipped(self._own)}
        if loss.rival is not None:
            measured |= {"rival": loss.rival, "rival_norm": self._clipped(self._rivals)}
        decide = tuple(measured)
        measured |= loss.parts
        values = dict(zip(measured, torch.stack(list(measured.values())).tolist(), strict=True))
        if not all(math.isfinite(values[name]) for name in decide):
            return StepResult(taken=False, values=values)
        self._optimiser.step(rate, shares)
        self._follow(min(self._settings.ema_decay, (1.0 + step) / (10.0 + step)))
        return StepResult(taken=True, values=values)

    def _clipped(self, parameters: list[nn.Parameter]) -> Tensor:
        """The norm that a player's gradient had before it was scaled down."""
        return torch.nn.utils.clip_grad_norm_(parameters, self._settings.clip_norm)

    def _follow(self, decay: float) -> None:
        """Move the average towards the model; early steps count more, or the average would remember the start."""
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self._model.parameters()), 1.0 - decay)
