"""How the head `labels` trains: on latents of a codec that does not learn, by what a teacher says of the originals.

It begins as the teacher, and learns to say of small pictures made of the first latents what that says of whole ones.
To make a lesson takes three times as long as to learn it, so each step learns a few new ones and some that are
remembered (`Memory`); a run that is resumed begins with none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.colour import pixels_to_rgb, rgb_to_ycbcr, ycbcr_to_rgb
from codec.contract import RGB
from codec.families.hyper import FAMILY
from codec.families.hyper.config import GRID, HYPER_GRID
from codec.families.hyper.frozen import frozen_codec, rounded_latents
from codec.families.hyper.heads.evaluate import agreement, as_facts
from codec.families.hyper.heads.lessons import Lessons, Memory, parts_of
from codec.families.hyper.heads.network import LabelNetwork
from codec.families.hyper.heads.packed import packed
from codec.families.hyper.heads.teacher import Teacher, fit
from codec.families.hyper.heads.train_config import LabelsTrainConfig
from codec.families.hyper.heads.weights import HeadConfig, understand_head
from codec.perception.class_names import class_names
from codec.perception.inverted_residuals import LITE0, load_classifier
from codec.training.image_crops import Crops
from codec.training.recipe import BatchLoss, Evaluation, ParameterGroup
from codec.training.session import stage
from codec.weights_file import SUFFIX, read_weights, weights_bytes

_LOOKED_AT: Final = 256
"""Crops by which features are scaled, and the directions of the embedding chosen."""


class LabelsRecipe:
    """Implements `codec.training.recipe.Recipe`."""

    def __init__(self, config: LabelsTrainConfig, device: torch.device) -> None:
        """Read the codec's weights, and the teacher's.

        Raises:
            WeightsError: the codec's weights cannot be used, or the teacher's package is not installed.
        """
        self._config, self._device = config, device
        codec = frozen_codec(config.codec)
        self._codec, self._digest = codec.model.to(device), codec.digest
        self._teacher = Teacher(load_classifier(LITE0).to(device))
        self._memory = Memory(config.remembered)

    def build(self) -> LabelNetwork:
        """A network of the config's shape, of which the embedding does not learn: what is near stays so."""
        network = LabelNetwork(self._config.model).to(self._device)
        network.embed.requires_grad_(False)
        return network

    def begin(
        self, model: LabelNetwork, crops: Crops, held_back: Sequence[RGB], start_from: Path | None
    ) -> None:
        """Begin as the teacher, looking at what the codec's linear path shows."""
        del held_back  # nothing is set by them
        if start_from is not None:
            model.load_state_dict(understand_head(read_weights(start_from)).network.state_dict())
            return
        model.shown.copy_(self._shown())
        self._teacher.hand_on(model)
        chance = np.random.default_rng(self._config.seed)
        head_features, teacher_features = [], []
        for one in stage("crops looked at by teacher and head", crops.spread(_LOOKED_AT)):
            lessons = self._lessons(model, self._whole(one), self._qualities(1, chance))
            with torch.no_grad():
                head_features.append(model.features(lessons.x_BCHW))
            teacher_features.append(lessons.f_BF)
        fit(model, torch.cat(head_features), torch.cat(teacher_features))

    def shipped(self) -> Path:
        """The shipped head."""
        return FAMILY.shipped_heads / f"{self._config.preset}{SUFFIX}"

    def groups(self, model: LabelNetwork) -> list[ParameterGroup]:
        """All of it but the embedding."""
        return [ParameterGroup(parameters=[one for one in model.parameters() if one.requires_grad])]

    def loss(self, model: LabelNetwork, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        """New lessons, and remembered ones."""
        config, weights = self._config, self._config.loss
        parts_BCHW = parts_of(rgb_BCHW, config.least, HYPER_GRID, chance)
        lessons = self._lessons(model, parts_BCHW, self._qualities(len(rgb_BCHW), chance))
        remembered = self._memory.drawn(config.repeated, chance) if config.repeated else None
        self._memory.add(lessons)
        lessons = lessons if remembered is None else lessons.joined_with(remembered)
        f_BF = model.features(lessons.x_BCHW)
        features = functional.mse_loss(f_BF, lessons.f_BF) / lessons.f_BF.var(
            0, correction=0
        ).mean().clamp_min(1e-3)
        labels = functional.kl_div(
            model.classify(f_BF).log_softmax(1),
            lessons.logits_BK.log_softmax(1),
            reduction="batchmean",
            log_target=True,
        )
        total = weights.features * features + weights.labels * labels
        parts = {"mse": features, "labels": labels}
        return BatchLoss(total=total, parts={name: part.detach() for name, part in parts.items()})

    def evaluate(self, model: LabelNetwork, held_back: Sequence[RGB], fraction_done: float) -> Evaluation:
        """Agreement with the teacher on whole held-back crops, at the config's qualities, as facts of the log."""
        del fraction_done  # nothing follows it
        found = []
        for quality in stage("qualities evaluated", self._config.evaluate_qualities):
            answers = []
            for one in held_back:
                with torch.inference_mode():
                    quality_1 = torch.tensor([float(quality)], device=self._device)
                    lessons = self._lessons(model, self._whole(one), quality_1)
                    answers.append((*model(lessons.x_BCHW), model.embed(lessons.f_BF), lessons.logits_BK))
            e_NE, logits_NK, teacher_NE, teacher_NK = (
                torch.cat(column) for column in zip(*answers, strict=True)
            )
            found.append((quality, agreement(logits_NK, teacher_NK, e_NE, teacher_NE)))
        return Evaluation(points=(), facts=as_facts(found))

    def export(self, model: LabelNetwork, record: dict[str, object], crops: Crops) -> bytes:
        """The head, with the names of its classes."""
        del crops
        said = {
            "for": self._digest.hex(),
            "name": self._config.preset,
            "model": self._config.model,
            "labels": class_names(),
            "recipe": record | {"teacher": f"{LITE0.name} ({LITE0.weights.package}, Apache-2.0)"},
        }
        config = HeadConfig.model_validate(said)
        return weights_bytes(config.model_dump_json(), packed(model.state_dict()))

    def state(self) -> dict[str, object]:
        """Nothing that the weights do not have."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing."""
        del state

    def _shown(self) -> Tensor:
        """(3 x 16 x 16, channels): patches of RGB, as the teacher takes it, by the first latents; grey is nought."""
        weight_PK = (
            self._codec.synthesis.linear.weight[:, : self._config.model.channels, 0, 0].detach().float()
        )
        patches_K3HW = weight_PK.T.reshape(-1, 3, GRID, GRID)
        grey = torch.zeros(1, 3, GRID, GRID, device=self._device)
        shown_K3HW, grey_13HW = (
            self._teacher.normalised(ycbcr_to_rgb(planes)) for planes in (patches_K3HW, grey)
        )
        return (shown_K3HW - grey_13HW).flatten(1).T

    def _whole(self, pixels: RGB) -> Tensor:
        """A crop as a patch, as much of it as hyper-latents cover whole."""
        height, width = (length // HYPER_GRID * HYPER_GRID for length in pixels.shape[:2])
        return pixels_to_rgb(pixels[:height, :width]).to(self._device)

    def _qualities(self, count: int, chance: np.random.Generator) -> Tensor:
        return torch.from_numpy(self._config.loss.drawn(count, chance)).to(self._device)

    def _lessons(self, model: LabelNetwork, rgb_BCHW: Tensor, quality_B: Tensor) -> Lessons:
        x_BCHW = rgb_to_ycbcr(rgb_BCHW).contiguous(memory_format=torch.channels_last)
        height, width = rgb_BCHW.shape[2:]
        with torch.no_grad():
            y_BKhw = rounded_latents(
                self._codec, x_BCHW, quality_B, channels=model.channels_of(height, width)
            )
            f_BF, logits_BK = self._teacher.features_and_logits(rgb_BCHW)
            return Lessons(x_BCHW=model.view(y_BKhw, height, width), f_BF=f_BF, logits_BK=logits_BK)
