"""How `recurrent-1` trains: from the Karhunen-Loeve transform of the images, all iterations of a patch at once."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from codec.contract import QUALITIES, RGB
from codec.families.recurrent import FAMILY
from codec.families.recurrent.codec import RecurrentCodec
from codec.families.recurrent.fit_counts import fit_counts
from codec.families.recurrent.initialise import install_transform
from codec.families.recurrent.levels import level_of
from codec.families.recurrent.model import RecurrentModel
from codec.families.recurrent.objective import RecurrentLearner, objective
from codec.families.recurrent.train_config import RecurrentTrainConfig
from codec.families.recurrent.weights import export, understand
from codec.training.codec_evaluation import evaluate
from codec.training.image_crops import Crops
from codec.training.karhunen_loeve import fit_transform, install_overlap
from codec.training.recipe import BatchLoss, Evaluation, ParameterGroup
from codec.weights_file import parse_weights, read_weights

_FIT_CROPS: Final = 48
_FIT_SIDE: Final = 256
"""Pixels of each crop that counts are fitted to, and that is evaluated, either way, at most."""
_RATE_SCALE: Final = 5.0
"""What bits cost is learned faster than what they are used for."""


class RecurrentRecipe:
    """Implements `codec.training.recipe.Recipe`."""

    def __init__(self, config: RecurrentTrainConfig, device: torch.device) -> None:
        self._config, self._device = config, device

    def build(self) -> RecurrentLearner:
        """A model of the config's shape."""
        return RecurrentLearner(RecurrentModel(self._config.model)).to(self._device)

    def begin(
        self, model: RecurrentLearner, crops: Crops, held_back: Sequence[RGB], start_from: Path | None
    ) -> None:
        """Fit the transform, and take what fits of other weights."""
        del held_back  # nothing is set by them
        transform = fit_transform(crops, seed=self._config.seed)
        model.cpu()  # where its start is computed
        install_transform(model.model, transform.basis_CK, transform.sample_NK)
        if start_from is not None:
            install_overlap(model.model, understand(read_weights(start_from)).model.state_dict())
        model.to(self._device)

    def shipped(self) -> Path:
        """The shipped weights of this preset."""
        return FAMILY.weights_path(self._config.preset)

    def groups(self, model: RecurrentLearner) -> list[ParameterGroup]:
        """The linear path, and what the bits mean, start near their goal: they learn slowly and do not decay."""
        codec, scale = model.model, self._config.optimiser.linear_scale
        learns = 0.0 if self._config.learns == "decoder" else 1.0
        named = dict(codec.named_parameters())
        decoder = [one for name, one in named.items() if name.startswith("decoder")]
        encoder = [one for name, one in named.items() if name.startswith("encoder")]
        linear = [one for name, one in named.items() if not name.startswith(("decoder", "encoder"))]
        return [
            ParameterGroup(parameters=decoder),
            ParameterGroup(parameters=encoder, scale=learns, decays=learns > 0.0),
            ParameterGroup(parameters=linear, scale=scale * learns, decays=False),
            ParameterGroup(
                parameters=list(model.rate.parameters()), scale=_RATE_SCALE * learns, decays=False
            ),
        ]

    def loss(self, model: RecurrentLearner, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        """Of every iteration; some patches stop block by block, at a level of their own."""
        config, shape = self._config.loss, self._config.model
        qualities = chance.uniform(0.0, QUALITIES.stop - 1, len(rgb_BCHW))
        stops = chance.uniform(size=len(rgb_BCHW)) < config.stop_share
        below = [level_of(float(quality), shape).stops_below[0] for quality in qualities]
        stops_at_B = torch.from_numpy(np.where(stops, below, 0.0)).float().to(self._device)
        noise = None
        if self._config.learns == "both":
            noise = torch.Generator(self._device).manual_seed(int(chance.integers(2**63)))
        return objective(model, rgb_BCHW, config, noise, stops_at_B)

    def evaluate(self, model: RecurrentLearner, held_back: Sequence[RGB], fraction_done: float) -> Evaluation:
        """Real payloads and real pixels, with counts fitted to the images themselves."""
        del fraction_done  # nothing follows it
        codec = self._codec(self._export(copy.deepcopy(model.model), {}, _corners(held_back)))
        return evaluate(codec, held_back, self._config.evaluate_qualities, side=_FIT_SIDE)

    def export(self, model: RecurrentLearner, record: dict[str, object], crops: Crops) -> bytes:
        """The weights, with counts fitted to a few of the crops they were trained on."""
        return self._export(copy.deepcopy(model.model), record, _corners(crops.spread(_FIT_CROPS)))

    def state(self) -> dict[str, object]:
        """Everything that training changes is in the weights."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to take back."""

    def _export(self, codec: RecurrentModel, record: dict[str, object], images: Sequence[RGB]) -> bytes:
        codec.half().float()  # as they will be stored
        counts = fit_counts(codec, images, self._device)
        return export(codec, counts, name=self._config.preset, recipe=record)

    def _codec(self, data: bytes) -> RecurrentCodec:
        return RecurrentCodec(understand(parse_weights(data, where="just trained")), device=self._device)


def _corners(images: Sequence[RGB]) -> list[RGB]:
    """A part of each image: enough to fit to, and quick."""
    return [image[:_FIT_SIDE, :_FIT_SIDE] for image in images]
