"""How a smaller encoder trains: against a decoder, tables and contexts that do not learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from codec.contract import RGB
from codec.errors import CodecConfigError, WeightsError
from codec.families.hyper import FAMILY
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.config import HYPER_GRID
from codec.families.hyper.encoders.shrinking import Shrinking
from codec.families.hyper.encoders.train_config import EncoderTrainConfig
from codec.families.hyper.encoders.weights import export_encoder, understand_encoder, with_encoder
from codec.families.hyper.frozen import frozen_codec
from codec.families.hyper.objective import objective, rate_distortion
from codec.parts.precision import has_bfloat16
from codec.training.codec_evaluation import evaluate
from codec.training.image_crops import Crops
from codec.training.recipe import BatchLoss, Evaluation, ParameterGroup
from codec.training.session import stage
from codec.weights_file import read_weights

_WEIGHED_BY: Final = 64
"""Crops that say how important channels are."""
_WEIGHED_SIDE: Final = 256
_EVALUATED_SIDE: Final = 256


class EncoderRecipe:
    """Implements `codec.training.recipe.Recipe`, and `FollowsTheRun`."""

    def __init__(self, config: EncoderTrainConfig, device: torch.device) -> None:
        """Read the codec's weights.

        Raises:
            WeightsError: they cannot be used.
            CodecConfigError: the codec's own encoder cannot shrink to what is asked for.
        """
        self._config, self._device = config, device
        self._bfloat16 = config.bfloat16 and has_bfloat16(device)
        self._codec = frozen_codec(config.codec)
        self._frozen = self._codec.model.to(device)
        self._fraction_done = 0.0
        own, asked = self._codec.config.model.encoder, config.encoder
        if config.shrink is not None and not asked.fits_in(own):
            raise CodecConfigError(
                f"expected an `encoder` of {len(own.hidden)} blocks, at most {own.width} wide and with at most "
                f"{own.hidden} hidden channels, as that of {config.codec} shrinks to it; got {asked.width} and "
                f"{asked.hidden}. `shrink: null` trains one of any shape from nothing"
            )

    def build(self) -> Shrinking:
        """An encoder of the codec's shape where it is to shrink, else of its last one."""
        ends, model = self._config.encoder, self._codec.config.model
        begun = ends if self._config.shrink is None else model.encoder
        return Shrinking(model, begun=begun, ends=ends).to(self._device)

    def begin(
        self, model: Shrinking, crops: Crops, held_back: Sequence[RGB], start_from: Path | None
    ) -> None:
        """Begin as the codec's own encoder, and choose what of it goes; or with its linear path alone.

        Raises:
            WeightsError: `start_from` is no encoder of this codec and shape; or it is given where the codec's own is to
                shrink.
        """
        del held_back  # nothing is set by them
        own = self._frozen.analysis
        if self._config.shrink is not None:
            if start_from is not None:
                raise WeightsError(
                    f"expected no weights to start from where the codec's own encoder shrinks, got {start_from}; set "
                    "`shrink: null` to train an encoder further"
                )
            model.analysis.load_state_dict(own.state_dict())
            model.fade(self._importance(model, crops))
            return
        model.analysis.linear.load_state_dict(own.linear.state_dict())
        model.analysis.size.copy_(own.size)
        if start_from is not None:
            joined = understand_encoder(read_weights(start_from)).in_place_of_its_own(self._codec)
            model.analysis.load_state_dict(joined.model.analysis.state_dict())

    def shipped(self) -> Path:
        """Where one of this name would lie: none ships."""
        return FAMILY.weights_path(self._config.preset)

    def groups(self, model: Shrinking) -> list[ParameterGroup]:
        """The deep branch; the linear path stays the codec's."""
        return [ParameterGroup(parameters=model.own())]

    def reach(self, fraction_done: float) -> None:
        """Fade on."""
        self._fraction_done = fraction_done

    def loss(self, model: Shrinking, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        """Every patch at a quality of its own."""
        masks = model.masks(self._faded())
        return self._objective(model, masks, rgb_BCHW, chance)

    def evaluate(self, model: Shrinking, held_back: Sequence[RGB], fraction_done: float) -> Evaluation:
        """Real payloads of the encoder as it is. The fact `loss` is the objective of their bytes; lower is better."""
        self._fraction_done = fraction_done
        with torch.no_grad():
            analysis = model.masked(model.masks(self._faded()))
            codec = HyperCodec(with_encoder(self._codec, analysis), device=self._device)
            qualities = self._config.evaluate_qualities
            found = evaluate(codec, held_back, qualities, side=_EVALUATED_SIDE)
        bpp = torch.tensor([point.bpp for point in found.points])
        mse = torch.tensor([found.facts[f"mse_{point.label}"] for point in found.points])
        losses = rate_distortion(bpp, mse, torch.tensor(qualities, dtype=torch.float32))
        found.facts["loss"] = float(losses.mean())
        return found

    def export(self, model: Shrinking, record: dict[str, object], crops: Crops) -> bytes:
        """What is left of the encoder, without the linear path."""
        del crops  # nothing is fitted
        return export_encoder(
            model.cut(),
            payloads_of=self._codec.digest,
            shape=self._config.encoder,
            name=self._config.preset,
            recipe=record,
        )

    def state(self) -> dict[str, object]:
        """Everything that training changes is in the model."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to take back."""

    def _faded(self) -> float:
        """How much of the fading is over."""
        shrink = self._config.shrink
        if shrink is None:
            return 0.0
        elapsed, duration = self._fraction_done - shrink.fades_from, shrink.fades_until - shrink.fades_from
        return min(1.0, max(0.0, elapsed / duration)) if duration else float(elapsed >= 0.0)

    def _objective(
        self,
        model: Shrinking,
        masks: dict[str, Tensor],
        rgb_BCHW: Tensor,
        chance: np.random.Generator,
    ) -> BatchLoss:
        quality_B = torch.from_numpy(self._config.loss.drawn(len(rgb_BCHW), chance)).to(self._device)
        noise = torch.Generator(self._device).manual_seed(int(chance.integers(2**63)))
        return objective(
            self._frozen,
            rgb_BCHW,
            quality_B,
            noise,
            bfloat16=self._bfloat16,
            encoder=model.masked(masks),
        )

    def _importance(self, model: Shrinking, crops: Crops) -> dict[str, Tensor]:
        """How much the objective would change without each channel, to first order: the mean square over crops."""
        chance = np.random.default_rng(self._config.seed)
        masks = {group: mask.requires_grad_() for group, mask in model.masks(0.0).items()}
        found = {group: torch.zeros_like(mask) for group, mask in masks.items()}
        for pixels in stage("crops by which channels are weighed", crops.spread(_WEIGHED_BY)):
            height, width = (min(_WEIGHED_SIDE, side // HYPER_GRID * HYPER_GRID) for side in pixels.shape[:2])
            rgb_HWC = torch.from_numpy(pixels[:height, :width].copy()).to(self._device)
            loss = self._objective(model, masks, rgb_HWC.permute(2, 0, 1)[None].float() / 255.0, chance)
            for group, gradient in zip(
                masks, torch.autograd.grad(loss.total, list(masks.values())), strict=True
            ):
                found[group] += gradient.square()
        return found
