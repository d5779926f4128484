"""How a model of the grid trains: from where its network begins, every patch at a step of its own.

A family's recipe is a subclass that names its `GridFamily` and overrides what its models need otherwise: `loss` calls
`coded` and `distortion`.

Shape legend: x_BCHW YCbCr pixels; rgb_BCHW in [0, 1]; y_BChw latents.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from codec.colour import pixels_to_planes, rgb_to_ycbcr, ycbcr_to_rgb
from codec.contract import RGB
from codec.entropy.factorised import fit_factorised
from codec.entropy.range_coder import Symbols
from codec.grid.chains import chained
from codec.grid.codec import GridCodec, quantised
from codec.grid.model import GridModel
from codec.grid.network import GridFamily
from codec.grid.quality import best_step
from codec.grid.train_config import GridTrainConfig
from codec.grid.weights import WeightsConfig, export, understand
from codec.parts.precision import has_bfloat16
from codec.parts.quality import MSE_SCALE
from codec.preset import GENERATES
from codec.training.codec_evaluation import evaluate
from codec.training.image_crops import Crops
from codec.training.losses import distortion, mse
from codec.training.recipe import BatchLoss, Evaluation, ParameterGroup
from codec.weights_file import parse_weights, read_weights

_START_CROPS: Final = 120
"""Training crops that a model begins by."""
_FIT_SIDE: Final = 192
"""Pixels of crops that statistics are taken of, at most, but where they have under `_FIT_POSITIONS` latents a side."""
_FIT_POSITIONS: Final = 12
EVALUATED_SIDE: Final = 384
"""Pixels of crops that are measured, at most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NearlyDecoded:
    """A batch as a decoder would show it, nearly: with noise in place of rounding."""

    rgb_BCHW: Tensor
    """Around [0, 1], not clamped."""
    bits_B: Tensor
    step_B: Tensor
    """Each image's quantiser step."""


class GridRecipe:
    """Implements `codec.training.recipe.Recipe` for the models of one family."""

    family: ClassVar[GridFamily]

    def __init__(self, config: GridTrainConfig, device: torch.device) -> None:
        self._config, self._device = config, device
        self._bfloat16 = config.bfloat16 and has_bfloat16(device)

    def build(self) -> GridModel:
        """A model of the config's shape."""
        return GridModel(self.family.build(self._config.network)).to(self._device)

    def begin(
        self, model: GridModel, crops: Crops, held_back: Sequence[RGB], start_from: Path | None
    ) -> None:
        """Take other weights of the same shape; else set the network by the images where it can be, draw its weights
        where it cannot, and fit what makes symbols of its latents.

        Raises:
            WeightsError: `start_from` cannot be used.
        """
        del held_back  # nothing is set by them
        if start_from is None:
            x_BCHW = self._sample(model, crops.spread(_START_CROPS))
            model.draw()
            with torch.no_grad():
                orthonormal = self._config.start == "fitted" and model.network.start(x_BCHW)
            model.fit_symbols(x_BCHW, best_step(self._config.loss.lmbda) if orthonormal else None)
            return
        found = understand(read_weights(start_from), self.family).model
        model.load_state_dict(found.state_dict())

    def shipped(self) -> Path:
        """The shipped weights of this preset."""
        return self.family.family.weights_path(self._config.preset)

    def groups(self, model: GridModel) -> list[ParameterGroup]:
        """The network on one side; what makes symbols of its latents on the other."""
        symbols = [model.log_gain_C, model.centre_C, model.log_spread_C]
        return [
            ParameterGroup(parameters=list(model.network.parameters())),
            ParameterGroup(parameters=symbols, scale=self._config.gain_scale, decays=False),
        ]

    def loss(self, model: GridModel, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        """Rate and distortion of every patch at its step, divided so that no step outweighs the others."""
        coded = self.coded(model, rgb_BCHW, chance)
        bpp_B = coded.bits_B / (rgb_BCHW.shape[2] * rgb_BCHW.shape[3])
        worth_B = MSE_SCALE * self._config.loss.lmbda / coded.step_B.square()
        total = (coded.step_B * (bpp_B + worth_B * self.distortion(coded.rgb_BCHW, rgb_BCHW))).mean()
        errors_B = mse(coded.rgb_BCHW.detach(), rgb_BCHW)
        return BatchLoss(total=total, parts={"mse": errors_B.mean(), "bpp": bpp_B.detach().mean()})

    def coded(self, model: GridModel, rgb_BCHW: Tensor, chance: np.random.Generator) -> NearlyDecoded:
        """Pass a batch through the model, quantised by noise."""
        octaves_B = chance.uniform(-1.0, 1.0, len(rgb_BCHW)) * self._config.loss.octaves
        step_B = torch.from_numpy(2.0**octaves_B).float().to(self._device)
        step_B111 = step_B.view(-1, 1, 1, 1)
        noise = torch.Generator(self._device).manual_seed(int(chance.integers(2**63)))
        x_BCHW = rgb_to_ycbcr(rgb_BCHW).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bfloat16):
            y_BChw = model.analyse(x_BCHW).float()
            drawn = torch.rand(y_BChw.shape, generator=noise, device=self._device) - 0.5
            v_BChw = y_BChw / step_B111 + drawn
            x_hat_BCHW = model.synthesise(v_BChw * step_B111)
        return NearlyDecoded(
            rgb_BCHW=ycbcr_to_rgb(x_hat_BCHW), bits_B=model.bits(v_BChw, step_B), step_B=step_B
        )

    def distortion(self, decoded_BCHW: Tensor, rgb_BCHW: Tensor) -> Tensor:
        """How far each decoded image is from its original, (B,), in the units of squared error."""
        return distortion(self._config.loss.objective, decoded_BCHW, rgb_BCHW)

    def evaluate(self, model: GridModel, held_back: Sequence[RGB], fraction_done: float) -> Evaluation:
        """Real payloads and real pixels. Tables and statistics are those of the images measured, which is a little
        better than the exported ones do."""
        del fraction_done  # nothing follows it
        codec = self.codec_of(model, held_back)
        return evaluate(codec, held_back, self._config.evaluate_qualities, side=EVALUATED_SIDE)

    def codec_of(self, model: GridModel, images: Sequence[RGB]) -> GridCodec:
        """As exported weights would be, with tables of these images."""
        data = self._exported(model, {}, images)
        own = understand(parse_weights(data, where="in training"), self.family)
        return GridCodec(self.family, own, device=self._device)

    def export(self, model: GridModel, record: dict[str, object], crops: Crops) -> bytes:
        """The weights, with tables counted on a few of the crops they were trained on."""
        if model.network.noise:
            record = record | {GENERATES: True}
        return self._exported(model, record, crops.spread(self._config.fit_crops))

    def state(self) -> dict[str, object]:
        """Everything that training changes is in the weights."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to take back."""

    def _sample(self, model: GridModel, images: Sequence[RGB]) -> Tensor:
        """Corners of images, all of one size, a whole number of latents each: (B, 3, H, W)."""
        grid = model.network.grid
        least = min(min(image.shape[:2]) for image in images)
        side = min(max(_FIT_SIDE, _FIT_POSITIONS * grid), least) // grid * grid
        planes = [pixels_to_planes(image[:side, :side], grid) for image in images]
        return torch.cat(planes).to(self._device)

    def _exported(self, model: GridModel, record: dict[str, Any], images: Sequence[RGB]) -> bytes:
        with torch.inference_mode():
            final, x_BCHW = copy.deepcopy(model), self._sample(model, images)
            final.network.settle(x_BCHW)
            y_BChw = final.analyse(x_BCHW).cpu().numpy()

        def symbols_at(level: int) -> Symbols:
            """(N, C), as they are coded."""
            s_BChw = quantised(y_BChw, final.network.steps(level)[:, None, None])
            return chained(s_BChw, final.network.chained).transpose(0, 2, 3, 1).reshape(-1, y_BChw.shape[1])

        entropy = fit_factorised(symbols_at)
        config = WeightsConfig(
            family=self.family.id,
            name=self._config.preset,
            network=self._config.network.model_dump(mode="json"),
            recipe=record,
        )
        return export(final, entropy, config)
