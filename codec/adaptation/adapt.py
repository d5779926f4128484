"""From a weights file and images to weights that are better for such images."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from codec.adaptation.difference import difference, rebuild
from codec.adaptation.settings import AdaptationSettings
from codec.errors import TooFewImagesError, TrainingError
from codec.registry import config_type, recipe_for
from codec.training.config import TrainConfig
from codec.training.image_crops import Crops, photo_of
from codec.training.progress import TrainingProgress
from codec.training.trainer import train
from codec.weights_file import parse_weights

LEAST_IMAGES: Final = 8
"""Whole images to train on: fewer are learned by heart."""
_START, _WEIGHTS, _DIFFERENCE = "start.safetensors", "adapted.safetensors", "adapted.difference"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adapted:
    """What was learned; what it is worth, `judge` says."""

    weights: bytes
    """The adapted weights file."""
    difference: bytes | None
    """The same as a difference from the weights it began with; None where that takes no fewer bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationProgress:
    """The state of a run after one more step."""

    step: int
    fraction_done: float
    """Of the training, 0 to 1."""
    seconds_left: float
    """Of the training."""
    gain_percent: float | None
    """About the change of the objective on a few of the images, not trained on; negative is better. For people."""


def adapt(
    start: bytes,
    crops: Crops,
    *,
    family: str,
    settings: AdaptationSettings,
    out: Path,
    device: torch.device | None = None,
    stop: Callable[[AdaptationProgress], bool] = lambda _: False,
    on_progress: Callable[[AdaptationProgress], None] = lambda _: None,
) -> Adapted | None:
    """Adapt weights to images, for as long as the settings say.

    The same call goes on after any kill from what lies in `out`: the folder of one adaptation, which holds its
    checkpoint and log, and its result once it is there.

    Args:
        start: the weights file to begin with, of this family.
        crops: images to train on; names that differ only in a last -0 to -9 are crops of one.
        stop: asked after every step whether this session ends, with a checkpoint.
        on_progress: told after every step.
    Returns:
        None when `stop` ended the session before the run was over.
    Raises:
        TooFewImagesError: there are fewer than `LEAST_IMAGES` images as large as a patch.
        CodecConfigError: weights of this family cannot be adapted.
        WeightsError: `start` is not this family's.
        TrainingError: `out` holds another run, or the run diverged.
    """
    config = _config(start, family, settings)
    usable = crops.at_least(settings.patch)
    images = len({photo_of(name) for name in usable.names})
    if images < LEAST_IMAGES:
        raise TooFewImagesError(
            f"expected at least {LEAST_IMAGES} images of {settings.patch} x {settings.patch} pixels or more to adapt "
            f"to, got {images}; a codec would learn fewer by heart"
        )
    out.mkdir(parents=True, exist_ok=True)
    if (done := _result(out)) is not None:
        return done
    _keep_start(out, start)
    told = _Gain()
    trained = train(
        config,
        recipe_for(config, device or torch.device("cpu")),
        lambda: usable,
        out=out,
        resume=True,
        start_from=out / _START,
        device=device,
        workers=settings.workers,
        stop=lambda progress: stop(told.of(progress)),
        on_progress=lambda progress: on_progress(told.of(progress)),
    )
    if not trained.finished:
        return None
    return _keep(out, start, trained.weights.read_bytes())


class _Gain:
    """Progress of training as that of an adaptation."""

    def of(self, progress: TrainingProgress) -> AdaptationProgress:
        return AdaptationProgress(
            step=progress.step,
            fraction_done=progress.fraction_done,
            seconds_left=progress.seconds_left,
            gain_percent=None,
        )


def _config(start: bytes, family: str, settings: AdaptationSettings) -> TrainConfig:
    """The training run that the settings mean for these weights."""
    file = parse_weights(start, where="to adapt")
    kind = config_type(family)
    values: dict[str, Any] = {
        **kind.keys_of(json.loads(file.config)),
        "family": family,
        "steps": settings.steps,
        "minutes": None if settings.seconds is None else settings.seconds / 60.0,
        "batch": settings.batch,
        "patch": settings.patch,
        "seed": settings.seed,
        "optimiser": {
            "method": "adamw",
            "learning_rate": settings.learning_rate,
            "warmup_steps": 20,
            "decay_from": 0.0,
            "ema_decay": 0.99,
        },
        "evaluate_every": 100,
        "evaluate_crops": 6,
        "checkpoint_minutes": 0.5,
    }
    return kind.model_validate(values)


def _keep_start(out: Path, start: bytes) -> None:
    path = out / _START
    if path.exists() and path.read_bytes() != start:
        raise TrainingError(f"{out} holds an adaptation of other weights; adapt elsewhere")
    temporary = path.with_suffix(".partial")
    temporary.write_bytes(start)
    temporary.replace(path)


def _keep(out: Path, start: bytes, weights: bytes) -> Adapted:
    packed = difference(start, weights)
    weights = rebuild(start, packed) if packed else weights
    (out / _DIFFERENCE).write_bytes(packed or b"")
    temporary = out / f"{_WEIGHTS}.partial"
    temporary.write_bytes(weights)
    temporary.replace(out / _WEIGHTS)
    return Adapted(weights=weights, difference=packed)


def _result(out: Path) -> Adapted | None:
    if not (out / _WEIGHTS).exists():
        return None
    packed = (out / _DIFFERENCE).read_bytes()
    return Adapted(weights=(out / _WEIGHTS).read_bytes(), difference=packed or None)
