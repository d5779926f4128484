"""From a weights file and images to weights that are better for such images."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from codec.adaptation.difference import pack
from codec.adaptation.folder import AdaptationFolder, Adapted
from codec.adaptation.quantise import quantised
from codec.adaptation.settings import AdaptationSettings
from codec.adaptation.watch import AdaptationProgress, AdaptationWatch
from codec.errors import TooFewImagesError
from codec.registry import config_type, recipe_for
from codec.training.checkpoint import load_checkpoint
from codec.training.config import TrainConfig
from codec.training.image_crops import Crops, photo_of
from codec.training.progress import TrainingProgress
from codec.training.recipe import Recipe
from codec.training.session import Session
from codec.training.trainer import train
from codec.weights_file import digest_of, parse_weights

LEAST_IMAGES: Final = 8
"""Whole images to train on: fewer are learned by heart."""
_WATCHED, _WATCH_EVERY = 6, 300
"""Images and steps: a look takes as long as ten steps; two odd images alone would say the opposite of the verdict."""


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

    The same call goes on after any kill from what lies in `out`, and gives the same again once the run is over.

    Args:
        start: the weights file to begin with, of this family.
        crops: images to train on; names that differ only in a last -0 to -9 are crops of one.
        out: a folder of its own.
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
    usable = _usable(crops, settings.patch)
    folder = AdaptationFolder(out)
    folder.keep_start(start)
    if (done := folder.result()) is not None:
        return done
    recipe, watch, session = (
        recipe_for(config, device or torch.device("cpu")),
        AdaptationWatch(out),
        Session(),
    )

    def heard(progress: TrainingProgress) -> None:
        state = watch.of(progress)
        on_progress(state)
        if stop(state):
            session.interrupt()

    trained = train(
        config,
        recipe,
        lambda: usable,
        out=out,
        resume=True,
        start_from=folder.start,
        device=device,
        workers=settings.workers,
        export=False,
        session=session,
        on_progress=heard,
    )
    if not trained.finished:
        return None
    record: dict[str, object] = {
        "adapted_from": digest_of(start).hex(),
        "images": _images(usable),
        "steps_done": trained.step,
        "config": config.model_dump(mode="json"),
    }
    tensors, moves = quantised(parse_weights(start, where="to adapt").tensors, _average(out))
    weights = _export(recipe, tensors, record, usable)
    folder.keep_result(weights, pack(start, weights, moves))
    return folder.result()


def _usable(crops: Crops, patch: int) -> Crops:
    """Those that are large enough.

    Raises:
        TooFewImagesError: they are of too few images.
    """
    usable = crops.at_least(patch)
    if (images := _images(usable)) < LEAST_IMAGES:
        raise TooFewImagesError(
            f"expected at least {LEAST_IMAGES} images of {patch} x {patch} pixels or more to adapt to, got {images}; a "
            "codec would learn fewer by heart"
        )
    return usable


def _images(crops: Crops) -> int:
    """How many images they are of."""
    return len({photo_of(name) for name in crops.names})


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
        "evaluate_every": _WATCH_EVERY,
        "evaluate_crops": _WATCHED,
        "checkpoint_minutes": 0.5,
    }
    return kind.model_validate(values)


def _average(out: Path) -> dict[str, Tensor]:
    """The averaged weights at the end of the run."""
    checkpoint = load_checkpoint(out)
    assert checkpoint is not None, "a run that is over has left one"
    return checkpoint.ema


def _export(
    recipe: Recipe[Any], tensors: dict[str, Tensor], record: dict[str, object], crops: Crops
) -> bytes:
    """A weights file of a model on its grid: everything that is fitted to a model is fitted there, so that what is
    judged and used is what is stored."""
    model = recipe.build().eval().requires_grad_(False)
    model.load_state_dict(tensors)
    return recipe.export(model, record, crops)
