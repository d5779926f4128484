"""How the head `labels` trains: on latents of a codec that does not learn, by what a teacher says of the originals.

To make a lesson takes ten times as long as to learn it: the codec codes a picture, and the teacher looks at it. So each
step learns a few new ones and many that are remembered (`Memory`); a run that is resumed begins with none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.colour import rgb_to_ycbcr
from codec.contract import RGB
from codec.families.hyper import FAMILY
from codec.families.hyper.frozen import frozen_codec, rounded_latents
from codec.families.hyper.heads.evaluate import agreement, as_facts
from codec.families.hyper.heads.halving import halving_matrix
from codec.families.hyper.heads.lessons import Lessons, Memory, parts_of, shrunk
from codec.families.hyper.heads.network import LabelNetwork
from codec.families.hyper.heads.teacher import View
from codec.families.hyper.heads.train_config import LabelsTrainConfig
from codec.families.hyper.heads.weights import HeadConfig, understand_head
from codec.parts.quality import TOP
from codec.perception.class_names import class_names
from codec.perception.inverted_residuals import LITE0, load_classifier
from codec.training.image_crops import Crops
from codec.training.recipe import BatchLoss, Evaluation, ParameterGroup
from codec.training.session import stage
from codec.weights_file import SUFFIX, read_weights, weights_bytes

_VIEWED: Final = 240
"""Crops by which the directions of the teacher's features are chosen."""
_AT_ONCE: Final = 8


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
        self._teacher = load_classifier(LITE0).to(device)
        self._memory = Memory(config.remembered)
        self._view: View | None = None

    def build(self) -> LabelNetwork:
        """A network of the config's shape."""
        return LabelNetwork(self._config.model).to(self._device)

    def begin(
        self, model: LabelNetwork, crops: Crops, held_back: Sequence[RGB], start_from: Path | None
    ) -> None:
        """Choose what is learned of the teacher, and begin with its classes by least squares."""
        del held_back  # nothing is set by them
        shape = self._config.model
        model.halving.copy_(halving_matrix(self._codec, channels=shape.channels, coarse=shape.coarse))
        model.size.copy_(self._codec.analysis.size[: shape.channels])
        if start_from is not None:
            model.load_state_dict(understand_head(read_weights(start_from)).network.state_dict())
        self._view = self._viewed(crops.spread(_VIEWED))
        if start_from is None:
            with torch.no_grad():
                model.classify.weight.copy_(self._view.classes_KE)
                model.classify.bias.copy_(self._view.bias_K)

    def shipped(self) -> Path:
        """The shipped head."""
        return FAMILY.shipped_heads / f"{self._config.preset}{SUFFIX}"

    def groups(self, model: LabelNetwork) -> list[ParameterGroup]:
        """All of it; the classes, which begin near their goal, slowly."""
        classes = list(model.classify.parameters())
        of_classes = {id(one) for one in classes}
        networks = [one for one in model.parameters() if id(one) not in of_classes]
        scale = self._config.optimiser.linear_scale
        return [
            ParameterGroup(parameters=networks),
            ParameterGroup(parameters=classes, scale=scale, decays=False),
        ]

    def loss(self, model: LabelNetwork, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        """New lessons, and remembered ones."""
        config, weights = self._config, self._config.loss
        drawn_B = chance.beta(*weights.quality_beta, size=len(rgb_BCHW)) * TOP
        lessons = self._lessons(
            parts_of(rgb_BCHW, config.seen, chance), torch.from_numpy(drawn_B).float().to(self._device)
        )
        remembered = self._memory.drawn(config.repeated, chance) if config.repeated else None
        self._memory.add(lessons)
        lessons = lessons if remembered is None else lessons.beside(remembered)
        e_BEuv = model.places(lessons.y_BKhw)
        e_BE = e_BEuv.mean((2, 3))
        known_BE = lessons.e_BEuv.mean((2, 3))
        places = functional.mse_loss(e_BEuv, lessons.e_BEuv)
        pictures = functional.mse_loss(e_BE, known_BE) / known_BE.square().mean().clamp_min(1e-3)
        told = functional.kl_div(
            model.logits(e_BE).log_softmax(1),
            lessons.logits_BK.log_softmax(1),
            reduction="batchmean",
            log_target=True,
        )
        total = weights.places * places + weights.pictures * pictures + weights.labels * told
        parts = {"mse": places, "pictures": pictures, "labels": told}
        return BatchLoss(total=total, parts={name: part.detach() for name, part in parts.items()})

    def evaluate(self, model: LabelNetwork, held_back: Sequence[RGB], fraction_done: float) -> Evaluation:
        """Agreement with the teacher on whole held-back crops, at the config's qualities, as facts of the log."""
        del fraction_done  # nothing follows it
        found = []
        for quality in stage("qualities evaluated", self._config.evaluate_qualities):
            told = []
            for one in held_back:
                rgb_1CHW = torch.from_numpy(one).to(self._device).permute(2, 0, 1)[None].float() / 255.0
                side = self._config.seen
                seen = shrunk(rgb_1CHW, side)[:, :, :side, :side]
                with torch.inference_mode():
                    lessons = self._lessons(seen, torch.tensor([float(quality)], device=self._device))
                    told.append((*model(lessons.y_BKhw), lessons.e_BEuv.mean((2, 3)), lessons.logits_BK))
            e_NE, logits_NK, teacher_NE, teacher_NK = (
                torch.cat(column) for column in zip(*told, strict=True)
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
            "recipe": record | {"teacher": f"{LITE0.name} ({LITE0.weights.package})"},
        }
        config = HeadConfig.model_validate(said)
        return weights_bytes(config.model_dump_json(), model.state_dict())

    def state(self) -> dict[str, object]:
        """What is learned of the teacher."""
        view = self._view
        if view is None:
            return {}
        return {"mean": view.mean_C.tolist(), "directions": view.directions_EC.tolist()}

    def restore(self, state: dict[str, Any]) -> None:
        """Learn the same of it; how the classes began is in the weights."""
        mean_C, directions_EC = (
            torch.tensor(state[name]).to(self._device) for name in ("mean", "directions")
        )
        classes = self._config.model.classes
        self._view = View(
            mean_C=mean_C,
            directions_EC=directions_EC,
            classes_KE=torch.zeros(classes, len(directions_EC)),
            bias_K=torch.zeros(classes),
        )

    def _viewed(self, crops: Sequence[RGB]) -> View:
        side = self._config.seen
        batches = [crops[start : start + _AT_ONCE] for start in range(0, len(crops), _AT_ONCE)]
        features = []
        with torch.no_grad():
            for batch in stage("batches looked at by the teacher", batches):
                planes = [torch.from_numpy(one).permute(2, 0, 1)[None].float() / 255.0 for one in batch]
                rgb_BCHW = torch.cat([shrunk(one, side)[:, :, :side, :side] for one in planes])
                features.append(self._teacher(rgb_BCHW.to(self._device)))
            return View.of(torch.cat(features), self._teacher, self._config.model.embedding)

    def _lessons(self, rgb_BCHW: Tensor, quality_B: Tensor) -> Lessons:
        assert self._view is not None
        x_BCHW = rgb_to_ycbcr(rgb_BCHW).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            y_BMhw = rounded_latents(self._codec, x_BCHW, quality_B)
            features_BCuv = self._teacher(rgb_BCHW)
            return Lessons(
                y_BKhw=y_BMhw[:, : self._config.model.channels],
                e_BEuv=self._view.embedded(features_BCuv),
                logits_BK=self._teacher.logits(features_BCuv),
            )
