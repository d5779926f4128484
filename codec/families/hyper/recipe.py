"""How `hyper-1` trains: one model for all qualities, every patch at a quality of its own."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from codec.contract import RGB
from codec.entropy.tables import laplace_tables
from codec.families.hyper import FAMILY
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.evaluate import evaluate
from codec.families.hyper.fit_tables import fit_tables
from codec.families.hyper.initialise import install_transform
from codec.families.hyper.model import HyperModel
from codec.families.hyper.objective import objective
from codec.families.hyper.train_config import HyperTrainConfig
from codec.families.hyper.warm_start import inherit
from codec.families.hyper.weights import as_trained, export, understand
from codec.parts.precision import has_bfloat16
from codec.training.image_crops import Crops
from codec.training.karhunen_loeve import fit_transform
from codec.training.recipe import BatchLoss, Evaluation, ParameterGroup
from codec.weights_file import parse_weights, read_weights

_FIT_CROPS: Final = 40
_FIT_SIDE: Final = 256


class HyperRecipe:
    """Implements `codec.training.recipe.Recipe`."""

    def __init__(self, config: HyperTrainConfig, device: torch.device) -> None:
        self._config, self._device = config, device
        self._bfloat16 = config.bfloat16 and has_bfloat16(device)

    def build(self) -> HyperModel:
        """A model of the config's shape."""
        model = HyperModel(self._config.model).to(self._device)
        if self._config.compile:
            model.compile()
        return model

    def begin(
        self, model: HyperModel, crops: Crops, held_back: Sequence[RGB], start_from: Path | None
    ) -> None:
        """Fit the transform, and take what fits of other weights; of those of the same shape, everything."""
        del held_back  # nothing is set by them
        source = None if start_from is None else as_trained(read_weights(start_from))
        if source is not None and source.config == model.config:
            model.load_state_dict(source.state_dict())
            return
        transform = fit_transform(crops, seed=self._config.seed)
        model.cpu()  # where its start is computed
        install_transform(model, transform.basis_CK, transform.sample_NK)
        if source is not None:
            inherit(model, source)
        model.to(self._device)

    def shipped(self) -> Path:
        """The shipped weights of this size."""
        return FAMILY.weights_path(self._config.preset)

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
        quality_B = torch.from_numpy(self._config.loss.drawn(len(rgb_BCHW), chance)).to(self._device)
        noise = torch.Generator(self._device).manual_seed(int(chance.integers(2**63)))
        return objective(
            model,
            rgb_BCHW,
            quality_B,
            noise,
            bfloat16=self._bfloat16,
            second_generation=self._config.loss.second_generation,
        )

    def evaluate(self, model: HyperModel, held_back: Sequence[RGB], fraction_done: float) -> Evaluation:
        """Estimated bytes and real pixels at the config's qualities."""
        del fraction_done  # nothing follows it
        config = self._config
        return evaluate(model, held_back, config.evaluate_qualities, bfloat16=self._bfloat16)

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
