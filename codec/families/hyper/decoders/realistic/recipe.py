"""How the realistic decoder trains: on latents of a codec that does not learn, against a critic that does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from codec.colour import rgb_to_ycbcr
from codec.contract import RGB
from codec.families.hyper import FAMILY
from codec.families.hyper.decoders.realistic.config import RealisticConfig
from codec.families.hyper.decoders.realistic.critic import Critic
from codec.families.hyper.decoders.realistic.evaluate import evaluate
from codec.families.hyper.decoders.realistic.network import Realistic
from codec.families.hyper.decoders.realistic.objective import objective
from codec.families.hyper.decoders.realistic.train_config import SHIFTS, RealisticTrainConfig
from codec.families.hyper.decoders.weights import DecoderConfig
from codec.families.hyper.frozen import frozen_codec, rounded_latents
from codec.family_weights import read_config
from codec.parts.precision import has_bfloat16
from codec.perception.lpips import load_lpips
from codec.training.drawn_noise import with_noise
from codec.training.image_crops import Crops
from codec.training.karhunen_loeve import install_overlap
from codec.training.recipe import BatchLoss, Evaluation, ParameterGroup
from codec.training.shown_batch import ShownBatch
from codec.weights_file import SUFFIX, read_weights, weights_bytes
from codec.weights_role import DECODER

NAME = "realistic"
_DRAWN: Final = "drawn."


class Players(nn.Module):
    """The decoder, and the critic that it learns to convince."""

    def __init__(self, config: RealisticConfig, critic: tuple[int, ...]) -> None:
        super().__init__()
        self.decoder, self.critic = Realistic(config), Critic(critic)


class RealisticRecipe:
    """Implements `codec.training.recipe.Recipe`."""

    def __init__(self, config: RealisticTrainConfig, device: torch.device) -> None:
        """Read the codec's weights, and what the pictures are held against.

        Raises:
            WeightsError: the codec's weights cannot be used, or LPIPS is asked for and its package is not installed.
        """
        self._config, self._device = config, device
        self._bfloat16 = config.bfloat16 and has_bfloat16(device)
        self._codec = frozen_codec(config.codec)
        self._frozen = self._codec.model.to(device)
        self._shape = RealisticConfig(codec=self._codec.config.model, drawing=config.drawing)
        self._lpips: Callable[[Tensor, Tensor], Tensor] | None = None
        if config.loss.lpips:
            self._lpips = load_lpips("AlexNet").to(device)

    def build(self) -> Players:
        """Both players."""
        return Players(self._shape, self._config.critic).to(self._device)

    def begin(self, model: Players, crops: Crops, held_back: Sequence[RGB], start_from: Path | None) -> None:
        """Begin as the faithful decoder, or with what fits of a realistic one.

        Raises:
            WeightsError: `start_from` is no decoder's.
        """
        del crops, held_back  # nothing is set by them
        model.decoder.begin(self._frozen.synthesis)
        if start_from is not None:
            source = read_weights(start_from)
            read_config(source, DecoderConfig, FAMILY.id, role=DECODER)
            drawn = {name: tensor for name, tensor in source.tensors.items() if name.startswith(_DRAWN)}
            install_overlap(model.decoder, drawn)

    def shipped(self) -> Path:
        """The shipped decoder."""
        return FAMILY.shipped_decoders / f"{NAME}{SUFFIX}"

    def groups(self, model: Players) -> list[ParameterGroup]:
        """What is drawn, and the critic."""
        return [
            ParameterGroup(parameters=list(model.decoder.drawn.parameters())),
            ParameterGroup(parameters=list(model.critic.parameters()), decays=False, rival=True),
        ]

    def loss(self, model: Players, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        """Every patch at a quality of its own; the losses look at a part of it that begins anywhere."""
        quality_B = torch.from_numpy(self._config.loss.drawn(len(rgb_BCHW), chance)).to(self._device)
        top, left = (int(start) for start in chance.integers(SHIFTS, size=2))
        x_BCHW = rgb_to_ycbcr(rgb_BCHW).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bfloat16):
            y_BMhw = rounded_latents(self._frozen, x_BCHW, quality_B)
            faithful_BCHW, difference_BCHW = model.decoder.parts(
                with_noise(y_BMhw, Realistic.noise, chance), quality_B
            )
        shown = ShownBatch(
            original_BCHW=x_BCHW, faithful_BCHW=faithful_BCHW, decoded_BCHW=faithful_BCHW + difference_BCHW
        )
        side = rgb_BCHW.shape[2] - SHIFTS
        part = shown.part(slice(top, top + side), slice(left, left + side))
        return objective(part, model.critic, self._config.loss, lpips=self._lpips)

    def evaluate(self, model: Players, held_back: Sequence[RGB], fraction_done: float) -> Evaluation:
        """Real payloads, and what the decoder shows of them."""
        del fraction_done  # nothing follows it
        qualities = self._config.evaluate_qualities
        return evaluate(model.decoder, self._codec, held_back, qualities, lpips=self._lpips)

    def export(self, model: Players, record: dict[str, object], crops: Crops) -> bytes:
        """The decoder alone."""
        del crops  # nothing is fitted
        loss = self._config.loss
        judges = {"LPIPS (AlexNet)": loss.lpips, "spectral peaks": loss.peaks}
        config = DecoderConfig(
            decoder=NAME,
            payloads_of=self._codec.digest.hex(),
            name=self._config.preset,
            generates=True,
            model=model.decoder.config.model_dump(mode="json"),
            recipe=record
            | {"trained_on": [name for name, weight in judges.items() if weight], "generates": True},
        )
        return weights_bytes(config.model_dump_json(), model.decoder.state_dict())

    def state(self) -> dict[str, object]:
        """Everything that training changes is in the weights."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to take back."""
