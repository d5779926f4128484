"""How `hyper-1` trains: one model for all qualities, every patch at a quality of its own."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from codec.contract import QUALITIES, RGB
from codec.entropy.tables import laplace_tables
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.config import HYPER_GRID, ModelConfig
from codec.families.hyper.evaluate import evaluate
from codec.families.hyper.fit_tables import fit_tables
from codec.families.hyper.initialise import install_transform
from codec.families.hyper.model import HyperModel
from codec.families.hyper.objective import objective
from codec.families.hyper.warm_start import inherit
from codec.families.hyper.weights import FAMILY, export, understand
from codec.parts.quality import TOP
from codec.training.config import OptimiserConfig, TrainConfig
from codec.training.image_crops import Crops
from codec.training.karhunen_loeve import fit_transform
from codec.training.recipe import BatchLoss, Evaluation, ParameterGroup
from codec.weights_file import SHIPPED, SUFFIX, parse_weights, read_weights

_FIT_CROPS: Final = 40
_FIT_SIDE: Final = 256
Level = Annotated[int, Field(ge=QUALITIES.start, lt=QUALITIES.stop)]


class HyperOptimiserConfig(OptimiserConfig):
    """The loop's, and how fast the tables' priors move."""

    method: Literal["adamw", "soap"] = "soap"
    linear_scale: float = Field(default=0.02, ge=0.0, le=1.0)
    prior_scale: float = Field(default=10.0, gt=0.0)
    """Learning rate of the priors, which count in table steps, over that of the networks."""
    decay_from: float = Field(default=0.4, ge=0.0, le=1.0)
    ema_decay: float = Field(default=0.999, ge=0.0, lt=1.0)


class HyperLossConfig(BaseModel):
    """Which qualities are trained, and how often."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quality_beta: tuple[float, float] = (1.0, 1.5)
    """Qualities are drawn as 63 x Beta(a, b); these favour small files a little."""


class HyperTrainConfig(TrainConfig):
    """One model's run."""

    family: Literal["hyper-1"]
    model: ModelConfig = ModelConfig()
    optimiser: HyperOptimiserConfig = HyperOptimiserConfig()
    loss: HyperLossConfig = HyperLossConfig()
    patch: int = Field(default=128, ge=HYPER_GRID, multiple_of=HYPER_GRID)
    evaluate_every: int = Field(default=1000, ge=1)
    evaluate_qualities: tuple[Level, ...] = Field(default=(4, 14, 24, 34, 44, 54, 63), min_length=1)
    compile: bool = False
    """torch.compile the forward pass: a minute or two at the start for faster steps on a GPU."""


class HyperRecipe:
    """Implements `codec.training.recipe.Recipe`."""

    def __init__(self, config: HyperTrainConfig, device: torch.device) -> None:
        self._config, self._device = config, device

    def build(self) -> HyperModel:
        """A model of the config's shape."""
        model = HyperModel(self._config.model).to(self._device)
        if self._config.compile:
            model.compile()
        return model

    def begin(
        self, model: HyperModel, crops: Crops, held_back: Sequence[RGB], start_from: Path | None
    ) -> None:
        """Fit the transform, and take what fits of other weights."""
        del held_back  # nothing is set by them
        transform = fit_transform(crops, seed=self._config.seed)
        model.cpu()  # where its start is computed
        install_transform(model, transform.basis_CK, transform.sample_NK)
        if start_from is not None:
            inherit(model, understand(read_weights(start_from)).model)
        model.to(self._device)

    def shipped(self) -> Path:
        """The shipped weights of this size."""
        return SHIPPED / FAMILY / f"{self._config.preset}{SUFFIX}"

    def groups(self, model: HyperModel) -> list[ParameterGroup]:
        """Linear paths, gains and priors on their own: none of them is to decay."""
        linear, gains, priors, networks = [], [], [], []
        for name, parameter in model.named_parameters():
            if name in ("analysis.linear.weight", "synthesis.linear.weight"):
                linear.append(parameter)
            elif "log_gain." in name:
                gains.append(parameter)
            elif name.startswith(("prior.", "hyper_prior.")):
                priors.append(parameter)
            else:
                networks.append(parameter)
        optimiser = self._config.optimiser
        return [
            ParameterGroup(parameters=networks),
            ParameterGroup(parameters=linear, scale=optimiser.linear_scale, decays=False),
            ParameterGroup(parameters=gains, decays=False),
            ParameterGroup(parameters=priors, scale=optimiser.prior_scale, decays=False),
        ]

    def loss(self, model: HyperModel, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        """Every patch at a quality of its own."""
        drawn_B = chance.beta(*self._config.loss.quality_beta, size=len(rgb_BCHW)) * TOP
        quality_B = torch.from_numpy(drawn_B).float().to(self._device)
        noise = torch.Generator(self._device).manual_seed(int(chance.integers(2**63)))
        return objective(model, rgb_BCHW, quality_B, noise, bfloat16=self._config.bfloat16)

    def evaluate(self, model: HyperModel, held_back: Sequence[RGB], share: float) -> Evaluation:
        """Estimated bytes and real pixels at the config's qualities."""
        del share  # nothing follows it
        config = self._config
        return evaluate(model, held_back, config.evaluate_qualities, bfloat16=config.bfloat16)

    def export(self, model: HyperModel, record: dict[str, object], crops: Crops) -> bytes:
        """The weights, with tables fitted to the symbols of a few of the crops they were trained on."""
        name, trained = self._config.preset, copy.deepcopy(model).cpu()
        bare = export(trained, laplace_tables(), name=name, recipe=record)
        codec = HyperCodec(understand(parse_weights(bare, where="just trained")), device=self._device)
        samples = [pixels[:_FIT_SIDE, :_FIT_SIDE] for pixels in crops.spread(_FIT_CROPS)]
        return export(trained, fit_tables(codec, samples), name=name, recipe=record)

    def state(self) -> dict[str, object]:
        """Everything that training changes is in the weights."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to take back."""
