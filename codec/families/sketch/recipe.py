"""How `sketch-1` trains: codes and pictures at once, rounded as they will be.

Shape legend: x_BCHW YCbCr pixels; rgb_BCHW in [0, 1]; y_BChw latents in steps of 1; v_BChw in steps of each patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

import numpy as np
import torch
from torch import Tensor

from codec.colour import rgb_to_ycbcr
from codec.contract import RGB
from codec.families.sketch.evaluate import drawn_facts
from codec.families.sketch.load import SKETCH
from codec.families.sketch.network import Sketch
from codec.families.sketch.objective import distortion_parts
from codec.families.sketch.teacher import Teacher
from codec.families.sketch.train_config import SHIFTS, SketchTrainConfig
from codec.grid.model import GridModel
from codec.grid.recipe import EVALUATED_SIDE, GridRecipe
from codec.perception.inverted_residuals import MOBILENET, load_classifier
from codec.perception.lpips import Lpips, load_lpips
from codec.training.codec_evaluation import evaluate
from codec.training.drawn_noise import with_noise
from codec.training.image_crops import Crops
from codec.training.recipe import BatchLoss, Evaluation, ParameterGroup
from codec.training.shown_batch import ShownBatch

_START_CROPS: Final = 200
"""Training crops that a model begins by."""
_FLAT: Final = 0.03
"""Share of patches that become flat: photographs have few, and black and white must stay what they are."""
_SURELY_SAME: Final = 0.3
"""Of a step: a latent that moves by less is rounded to the same code whatever rounding to pixels does to it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passed:
    """A batch that went through the model, and one of its pictures once more."""

    shown: ShownBatch
    v_BChw: Tensor
    """Before it was rounded."""
    again_BChw: Tensor
    """Of the faithful pictures or of the drawn ones, not rounded."""
    step_B: Tensor
    """Each image's quantiser step."""


class SketchRecipe(GridRecipe):
    """Implements `codec.training.recipe.Recipe`."""

    family = SKETCH
    _config: SketchTrainConfig

    def __init__(self, config: SketchTrainConfig, device: torch.device) -> None:
        """Read what the pictures are held against.

        Raises:
            WeightsError: the package of something that it is asked for is not installed.
        """
        super().__init__(config, device)
        wanted = config.loss.lpips or config.loss.texture
        self._lpips: Lpips | None = load_lpips("AlexNet").to(device) if wanted else None
        self._classifier = load_classifier(MOBILENET).to(device) if config.loss.seen else None
        self._teacher = Teacher(device) if config.words else None

    def begin(
        self, model: GridModel, crops: Crops, held_back: Sequence[RGB], start_from: Path | None
    ) -> None:
        """As principal components and layers that add nothing to them, or from weights of the same shape.

        Raises:
            WeightsError: `start_from` cannot be used.
        """
        if start_from is not None:
            super().begin(model, crops, held_back, start_from)
            return
        x_BCHW = self._sample(model, crops.spread(_START_CROPS))
        with torch.no_grad():
            model.network.start(x_BCHW)
        model.fit_symbols(x_BCHW, self._config.unit)

    def groups(self, model: GridModel) -> list[ParameterGroup]:
        """The linear paths, which begin near where they end, apart from the rest of the network."""
        network, (_, symbols) = cast(Sketch, model.network), super().groups(model)
        linear = [*network.encoder.linear.parameters(), *network.decoder.linear.parameters()]
        known = {id(parameter) for parameter in linear}
        others = [parameter for parameter in network.parameters() if id(parameter) not in known]
        return [
            ParameterGroup(parameters=others),
            ParameterGroup(parameters=linear, scale=self._config.optimiser.linear_scale),
            symbols,
        ]

    def loss(self, model: GridModel, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        """Every patch at a step of its own; the losses look at a part of it that begins anywhere."""
        weights = self._config.loss
        rgb_BCHW = _with_flats(rgb_BCHW, chance)
        passed = self._passed(model, rgb_BCHW, chance)
        top, left = (int(start) for start in chance.integers(SHIFTS, size=2))
        side = rgb_BCHW.shape[2] - SHIFTS
        parts = distortion_parts(
            passed.shown.part(slice(top, top + side), slice(left, left + side)),
            weights,
            self._lpips,
            self._classifier,
            bfloat16=self._bfloat16,
        )
        noise = torch.Generator(self._device).manual_seed(int(chance.integers(2**63)))
        rounding_BChw = torch.rand(passed.v_BChw.shape, generator=noise, device=self._device) - 0.5
        bits_B = model.bits(passed.v_BChw + rounding_BChw, passed.step_B)
        bpp_B = bits_B / (rgb_BCHW.shape[2] * rgb_BCHW.shape[3])
        off_BChw = (passed.again_BChw - passed.v_BChw.detach().round()).abs()
        parts["same_codes"] = torch.relu(off_BChw - _SURELY_SAME).square().sum(1).mean()
        total = weights.bits * (bpp_B * passed.step_B).mean()
        for name, part in parts.items():
            total = total + getattr(weights, name) * part
        logged = {name: part.detach() for name, part in parts.items()}
        logged |= {"bpp": bpp_B.detach().mean(), "other_codes": (off_BChw.detach() > 0.5).float().mean()}
        return BatchLoss(total=total, parts=logged)

    def _passed(self, model: GridModel, rgb_BCHW: Tensor, chance: np.random.Generator) -> Passed:
        """Pass a batch through the model, rounded; the gradient goes on as if it were not."""
        weights, network = self._config.loss, cast(Sketch, model.network)
        octaves_B = chance.uniform(-1.0, 1.0, len(rgb_BCHW)) * weights.octaves
        step_B = torch.from_numpy(2.0**octaves_B).float().to(self._device)
        step_B111 = step_B.view(-1, 1, 1, 1)
        x_BCHW = rgb_to_ycbcr(rgb_BCHW).contiguous(memory_format=torch.channels_last)
        words_BV = None if self._teacher is None else self._teacher.words_of(rgb_BCHW, chance)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bfloat16):
            v_BChw = model.analyse(x_BCHW).float() / step_B111
            rounded_BChw = v_BChw + (v_BChw.round() - v_BChw).detach()
            codes_BChw = model.own_units(rounded_BChw * step_B111)
            if weights.draws:
                noise_BNhw = with_noise(codes_BChw, network.noise, chance)[:, network.channels :]
                faithful_BCHW, drawn_BCHW = network.both(codes_BChw, noise_BNhw, words_BV)
            else:
                faithful_BCHW = drawn_BCHW = network.synthesise(codes_BChw, words_BV)
            either_BCHW = drawn_BCHW if chance.integers(2) else faithful_BCHW
            again_BChw = model.analyse(either_BCHW).float() / step_B111
        return Passed(
            shown=ShownBatch(original_BCHW=x_BCHW, faithful_BCHW=faithful_BCHW, decoded_BCHW=drawn_BCHW),
            v_BChw=v_BChw,
            again_BChw=again_BChw,
            step_B=step_B,
        )

    def evaluate(self, model: GridModel, held_back: Sequence[RGB], fraction_done: float) -> Evaluation:
        """The faithful pictures of real payloads; of the drawn ones the facts of `drawn_facts`."""
        del fraction_done  # nothing follows it
        codec, qualities = self.codec_of(model, held_back), self._config.evaluate_qualities
        parts = [np.ascontiguousarray(image[:EVALUATED_SIDE, :EVALUATED_SIDE]) for image in held_back]
        found = evaluate(codec, held_back, qualities, side=EVALUATED_SIDE)
        return replace(found, facts=found.facts | drawn_facts(codec, parts, qualities, self._lpips))

    def export(self, model: GridModel, record: dict[str, object], crops: Crops) -> bytes:
        """As the grid does, with the judges that pictures were held against."""
        weights = self._config.loss
        judges = {
            "LPIPS (AlexNet)": weights.lpips or weights.texture,
            "KD-mobilenet2": weights.seen,
            "spectral peaks": weights.peaks,
        }
        trained_on = [name for name, weight in judges.items() if weight]
        return super().export(model, record | {"trained_on": trained_on}, crops)


def _with_flats(rgb_BCHW: Tensor, chance: np.random.Generator) -> Tensor:
    """A batch, some patches of which are of one colour: any, black, or white."""
    is_flat_B = torch.from_numpy(chance.random(len(rgb_BCHW)) < _FLAT)
    colours_B3 = (chance.random((len(rgb_BCHW), 3)) * 2.0 - 0.5).clip(0.0, 1.0)
    greys_B1 = (chance.random((len(rgb_BCHW), 1)) * 2.0 - 0.5).clip(0.0, 1.0)
    chosen_B3 = np.where(chance.random((len(rgb_BCHW), 1)) < 0.5, colours_B3, greys_B1)
    flat_BC11 = torch.from_numpy(chosen_B3).to(rgb_BCHW)[:, :, None, None]
    return torch.where(is_flat_B.to(rgb_BCHW.device)[:, None, None, None], flat_BC11, rgb_BCHW)
