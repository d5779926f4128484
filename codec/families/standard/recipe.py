"""How `standard-1` trains: through a JPEG with a gradient, patch by patch at any quality; measured on real files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from codec.colour import pixels_to_planes
from codec.contract import QUALITIES, RGB, EncodeOptions
from codec.families.standard import FAMILY
from codec.families.standard.codec import StandardCodec
from codec.families.standard.config import BLOCK
from codec.families.standard.model import StandardModel
from codec.families.standard.objective import objective
from codec.families.standard.soft_jpeg import soft_jpeg, steps_of
from codec.families.standard.train_config import StandardTrainConfig
from codec.families.standard.weights import export, understand
from codec.metrics import bpp, psnr_db, ssim
from codec.perception.lpips import load_lpips
from codec.training.image_crops import Crops
from codec.training.karhunen_loeve import install_overlap
from codec.training.recipe import BatchLoss, Evaluation, EvaluationPoint, ParameterGroup
from codec.weights_file import parse_weights, read_weights

_FIT_CROPS: Final = 60
_FIT_SIDE: Final = 192
_SIDE: Final = 256
"""Of each crop that is evaluated, at most."""


class StandardRecipe:
    """Implements `codec.training.recipe.Recipe`."""

    def __init__(self, config: StandardTrainConfig, device: torch.device) -> None:
        self._config, self._device = config, device
        self._lpips = load_lpips("AlexNet").to(device) if config.loss.lpips else None

    def build(self) -> StandardModel:
        """A model of the config's shape."""
        return StandardModel(self._config.model).to(self._device)

    def begin(
        self, model: StandardModel, crops: Crops, held_back: Sequence[RGB], start_from: Path | None
    ) -> None:
        """Take what fits of other weights. RecCNN's last layer, where they have none, is fitted to what files show; the
        corrections before the file begin at nothing."""
        del held_back  # nothing is set by them
        tensors = {} if start_from is None else understand(read_weights(start_from)).model.state_dict()
        install_overlap(model, tensors)
        if model.reccnn is not None and "reccnn.head.weight" not in tensors:
            model.reccnn.fit_head(self._shown_and_hidden(model, crops))

    def shipped(self) -> Path:
        """The shipped weights of this preset."""
        return FAMILY.weights_path(self._config.preset)

    def groups(self, model: StandardModel) -> list[ParameterGroup]:
        """What is before the file and what is after it, each at its pace; what is told the quality does not decay."""
        found: list[ParameterGroup] = []
        for start, scale in (("reccnn.", 1.0), (("comcnn.", "editor."), self._config.optimiser.before_scale)):
            named = [(name, one) for name, one in model.named_parameters() if name.startswith(start)]
            quality_tables = [one for name, one in named if ".told." in name]
            layers = [one for name, one in named if ".told." not in name]
            found += [
                ParameterGroup(parameters=layers, scale=scale),
                ParameterGroup(parameters=quality_tables, scale=scale, decays=False),
            ]
        return found

    def loss(self, model: StandardModel, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        """Every patch at a quality of its own."""
        qualities = chance.uniform(0.0, QUALITIES.stop - 1, len(rgb_BCHW)).tolist()
        return objective(model, rgb_BCHW, qualities, self._config.loss, lpips=self._lpips)

    def evaluate(self, model: StandardModel, held_back: Sequence[RGB], fraction_done: float) -> Evaluation:
        """Real files and real pixels at the config's qualities. The fact `ssim` is the mean over them."""
        del fraction_done  # nothing follows it
        file = parse_weights(export(model, name=self._config.preset, recipe={}), where="in training")
        codec = StandardCodec(understand(file), device=self._device)
        images = [np.ascontiguousarray(image[:_SIDE, :_SIDE]) for image in held_back]
        measured = [_measured(codec, images, quality) for quality in self._config.evaluate_qualities]
        likeness = float(np.mean([score for _, score, _ in measured]))
        return Evaluation(
            points=tuple(point for point, _, _ in measured),
            facts={"ssim": likeness},
            shown=tuple(first for _, _, first in measured),
        )

    def export(self, model: StandardModel, record: dict[str, object], crops: Crops) -> bytes:
        """The weights as they are."""
        del crops  # nothing is fitted at the end
        if self._lpips is not None:
            record = record | {"trained_on": ["LPIPS (AlexNet)"]}
        return export(model, name=self._config.preset, recipe=record)

    def _shown_and_hidden(self, model: StandardModel, crops: Crops) -> Iterator[tuple[Tensor, Tensor]]:
        """RecCNN's features of what files of some crops show, and what is missing there."""
        assert model.reccnn is not None
        chance = np.random.default_rng(self._config.seed)
        multiple = 2 * BLOCK * self._config.model.shrink
        for pixels in crops.spread(_FIT_CROPS):
            height, width = (min(_FIT_SIDE, side // multiple * multiple) for side in pixels.shape[:2])
            x_1CHW = pixels_to_planes(pixels[:height, :width], 1).to(self._device)
            quality = float(chance.uniform(0.0, QUALITIES.stop - 1))
            quality_1 = torch.tensor([quality], dtype=torch.float32, device=self._device)
            with torch.no_grad():
                steps = steps_of([quality]).to(self._device)
                shown_1Chw, _ = soft_jpeg(model.before(x_1CHW, quality_1), steps)
                enlarged_1CHW = model.enlarged(shown_1Chw)
                yield model.reccnn.features(shown_1Chw, quality_1), x_1CHW - enlarged_1CHW

    def state(self) -> dict[str, object]:
        """Everything that training changes is in the weights."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to take back."""


def _measured(
    codec: StandardCodec, images: Sequence[RGB], quality: int
) -> tuple[EvaluationPoint, float, RGB]:
    """Means over images at one quality, their mean SSIM, and the first of them as it comes back."""
    payloads = [one.payload for one in codec.encode(images, EncodeOptions(quality=quality))]
    decoded = [one.pixels for one in codec.decode(payloads)]
    rates = [
        bpp(len(payload), image.shape[1], image.shape[0])
        for payload, image in zip(payloads, images, strict=True)
    ]
    decibels = [psnr_db(image, shown) for image, shown in zip(images, decoded, strict=True)]
    scores = [ssim(image, shown) for image, shown in zip(images, decoded, strict=True)]
    likeness = [score for score in scores if score is not None]
    point = EvaluationPoint(
        label=f"q{quality:02d}", bpp=float(np.mean(rates)), psnr_db=float(np.mean(decibels))
    )
    return point, float(np.mean(likeness)), decoded[0]
