"""How `ae-zfp-1` trains: one preset a run, its quantiser step led by the ratio that real bytes reach."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from codec.contract import RGB
from codec.families.ae_zfp import FAMILY
from codec.families.ae_zfp.evaluate import evaluate
from codec.families.ae_zfp.initialise import install_transform, slow_channels
from codec.families.ae_zfp.model import AutoEncoder
from codec.families.ae_zfp.objective import objective
from codec.families.ae_zfp.train_config import AeZfpTrainConfig
from codec.families.ae_zfp.weights import QuantiserConfig, WeightsConfig, load_weights
from codec.parts.precision import has_bfloat16
from codec.training.image_crops import Crops
from codec.training.karhunen_loeve import fit_transform, install_overlap
from codec.training.recipe import BatchLoss, Evaluation, EvaluationPoint, ParameterGroup
from codec.weights_file import weights_bytes

_LARGEST_CHANGE: Final = 1.5
"""Of the quantiser step, at one evaluation."""


class AeZfpRecipe:
    """Implements `codec.training.recipe.Recipe`."""

    def __init__(self, config: AeZfpTrainConfig, device: torch.device) -> None:
        self._config, self._device = config, device
        self._bfloat16 = config.bfloat16 and has_bfloat16(device)
        self._step = config.start_step
        self._slow: tuple[int, ...] = ()

    def build(self) -> AutoEncoder:
        """A model of the config's shape."""
        return AutoEncoder(self._config.model).to(self._device)

    def begin(
        self, model: AutoEncoder, crops: Crops, held_back: Sequence[RGB], start_from: Path | None
    ) -> None:
        """Fit the transform, take what fits of other weights, and find about the right step."""
        transform = fit_transform(crops, seed=self._config.seed)
        install_transform(model, transform.basis_CK)
        if start_from is None:
            slow = slow_channels(crops, transform.basis_CK, seed=self._config.seed)
        else:
            weights = load_weights(start_from)
            install_overlap(model, weights.model.state_dict())
            slow = weights.config.quantiser.predicted_channels
        self._slow = tuple(channel for channel in slow if channel < self._config.model.latent_channels)
        self._follow(evaluate(model, held_back, self._quantiser()).ratio, gain=1.0)

    def shipped(self) -> Path:
        """The shipped weights of this preset."""
        return FAMILY.weights_path(self._config.preset)

    def groups(self, model: AutoEncoder) -> list[ParameterGroup]:
        """The linear path on one side, all else on the other."""
        linear = [*model.analysis.parameters(), *model.synthesis.parameters()]
        linear_ids = {id(parameter) for parameter in linear}
        deep = [parameter for parameter in model.parameters() if id(parameter) not in linear_ids]
        scale = self._config.optimiser.linear_scale
        return [
            ParameterGroup(parameters=deep),
            ParameterGroup(parameters=linear, scale=scale, decays=False),
        ]

    def loss(self, model: AutoEncoder, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        """Every patch with a step of its own, around the run's."""
        config = self._config
        octaves_B = chance.uniform(-1.0, 1.0, len(rgb_BCHW)) * config.loss.jitter_octaves
        step_B = torch.from_numpy(self._step * 2.0**octaves_B).float().to(self._device)
        return objective(
            model, rgb_BCHW, step_B, self._step, self._slow, config.loss, bfloat16=self._bfloat16
        )

    def evaluate(self, model: AutoEncoder, held_back: Sequence[RGB], fraction_done: float) -> Evaluation:
        """Real bytes and pixels; then, until the run is over, the step moves so that they meet the ratio."""
        reached = evaluate(model, held_back, self._quantiser())
        step = self._step
        if fraction_done < 1.0:
            self._follow(reached.ratio, gain=0.5 if fraction_done > 0.0 else 1.0)
        point = EvaluationPoint(label=self._config.preset, bpp=reached.bpp, psnr_db=reached.psnr_db)
        facts = {"ratio": reached.ratio, "quantiser_step": step}
        return Evaluation(points=(point,), facts=facts, shown=(reached.shown,))

    def export(self, model: AutoEncoder, record: dict[str, object], crops: Crops) -> bytes:
        """The preset's weights with its quantiser."""
        del crops  # nothing is fitted at the end
        config = WeightsConfig(
            preset=self._config.preset, model=self._config.model, quantiser=self._quantiser(), recipe=record
        )
        return weights_bytes(config.model_dump_json(), model.state_dict())

    def state(self) -> dict[str, object]:
        """The step, and the channels coded as differences."""
        return {"quantiser_step": self._step, "slow_channels": list(self._slow)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take them back."""
        self._step, self._slow = state["quantiser_step"], tuple(state["slow_channels"])

    def _follow(self, ratio: float, *, gain: float) -> None:
        change = (self._config.ratio / ratio) ** gain
        self._step *= min(_LARGEST_CHANGE, max(1.0 / _LARGEST_CHANGE, change))

    def _quantiser(self) -> QuantiserConfig:
        loss = self._config.loss
        return QuantiserConfig(
            step=self._step,
            dead_zone=loss.dead_zone,
            tail_weight=loss.rate_weight,
            predicted_channels=self._slow,
        )
