"""The training loop, the same for every family: from nothing or from other weights, resumable at any kill."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from codec.errors import TrainingError
from codec.training.batch_shares import Shares, default_workers, side_by_side
from codec.training.checkpoint import Checkpoint, check_same_config, load_checkpoint, save_checkpoint
from codec.training.config import TrainConfig
from codec.training.image_crops import Crops
from codec.training.log import LogWindow, TrainingLog, evaluation_row
from codec.training.optimiser import Optimiser
from codec.training.patch_source import PatchSource
from codec.training.progress import TrainingProgress
from codec.training.recipe import Point, Recipe
from codec.training.schedule import Budget, learning_rate
from codec.training.strips import save_strip

SHIPPED_START: Final = Path("shipped")
"""As `start_from`: the weights that ship for this family and preset."""
_MOST_SKIPPED: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a session leaves."""

    weights: Path
    """The averaged weights as they are, `out/<preset>.safetensors`."""
    step: int
    finished: bool
    """Whether the run is over, and not only the session."""


def train(
    config: TrainConfig,
    recipe: Recipe[Any],
    read: Callable[[], Crops],
    *,
    out: Path,
    resume: bool = False,
    start_from: Path | None = None,
    device: torch.device | None = None,
    workers: int | None = None,
    stop: Callable[[TrainingProgress], bool] = lambda _: False,
    on_progress: Callable[[TrainingProgress], None] = lambda _: None,
) -> Trained:
    """Train one preset, to the end of the run or of this session.

    `out` holds `checkpoint.pt`, `log.jsonl`, `strips/` and, at the end of every session, the averaged weights.

    Args:
        recipe: how a model of this family trains, on the same device.
        read: gives the images, once everything else has been checked.
        resume: go on from the checkpoint in `out`, if there is one.
        start_from: weights file whose tensors are taken where they fit, or `SHIPPED_START`.
        workers: shares of a batch that run side by side; by default one per core, or one on a GPU.
        stop: asked after every step whether this session ends, with a checkpoint.
        on_progress: told after every step.
    Raises:
        TrainingError: the data or a checkpoint cannot be used, the run diverged, or `out` holds a run and `resume`
            is not set.
        WeightsError: `start_from` cannot be used.
    """
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = load_checkpoint(out)
    if checkpoint is not None:
        if not resume:
            raise TrainingError(
                f"{out} already holds a run at step {checkpoint.step}; resume it, or train elsewhere"
            )
        check_same_config(checkpoint, config.model_dump_json(), out)
    crops = read()
    torch.set_flush_denormal(True)  # dying gradients are subnormal, and those are slow on a CPU
    try:
        device = device or torch.device("cpu")
        run = _Run(config, recipe, crops, out, device)
        if checkpoint is None:
            run.begin(start_from)
        else:
            run.restore(checkpoint)
        with side_by_side(min(workers or default_workers(device), config.batch)) as shares:
            run.advance(shares, stop, on_progress)
        return Trained(weights=run.export(), step=run.step, finished=run.share >= 1.0)
    finally:
        torch.set_flush_denormal(False)  # it holds for the whole process, which is not ours alone


class _Run:
    """One run's moving parts."""

    def __init__(
        self, config: TrainConfig, recipe: Recipe[Any], crops: Crops, out: Path, device: torch.device
    ) -> None:
        self.config, self.recipe, self.out, self.device = config, recipe, out, device
        self.crops, held_back = crops.split(config.held_back)
        self.held_back = held_back.spread(config.evaluate_crops)
        self.budget = Budget.of(config)
        self.log = TrainingLog(out)
        torch.manual_seed(config.seed)
        self.model = self.recipe.build().to(memory_format=torch.channels_last)
        self.ema = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.optimiser = Optimiser(self.recipe.groups(self.model), config.optimiser)
        self.step, self.seconds, self.skipped = 0, 0.0, 0
        self.window = LogWindow()
        self.reached: dict[str, Any] = {}

    def begin(self, start_from: Path | None) -> None:
        """Give the model its first weights, and see what they are worth."""
        start = self.recipe.shipped() if start_from == SHIPPED_START else start_from
        self.log.clear()
        self.recipe.begin(self.model, self.crops, self.held_back, start)
        self.ema.load_state_dict(self.model.state_dict())
        self.evaluate()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to where a checkpoint was taken."""
        self.model.load_state_dict(checkpoint.model)
        self.ema.load_state_dict(checkpoint.ema)
        self.optimiser.load_state_dict(checkpoint.optimiser)
        self.recipe.restore(json.loads(checkpoint.recipe))
        self.window = LogWindow.parse(checkpoint.window)
        self.reached = json.loads(checkpoint.reached)
        self.step, self.seconds = checkpoint.step, checkpoint.seconds
        self.log.cut(self.step)

    def advance(
        self,
        shares: Shares,
        stop: Callable[[TrainingProgress], bool],
        on_progress: Callable[[TrainingProgress], None],
    ) -> None:
        """Train to the end of the run or of the session, with a checkpoint there and on the way."""
        config = self.config
        patches = PatchSource(self.crops, self.device)
        earlier, first, begun = self.seconds, self.step, time.monotonic()
        saved = begun
        stopping = False
        while self.share < 1.0 and not stopping:
            self.update(patches, shares)
            self.step += 1
            self.seconds = earlier + time.monotonic() - begun
            over = self.share >= 1.0
            if self.step % config.evaluate_every == 0 or over:
                self.evaluate()
            loss = self.window.mean("loss")
            if self.step % config.log_every == 0 or over:
                self.log.write("train", self.step, **self.window.take())
            pace = (time.monotonic() - begun) / (self.step - first)
            progress = self.progress(loss, pace)
            on_progress(progress)
            stopping = stop(progress)
            if over or stopping or time.monotonic() - saved >= 60.0 * config.checkpoint_minutes:
                self.save()
                saved = time.monotonic()

    @property
    def share(self) -> float:
        """Of the run that is over, 0 to 1."""
        return self.budget.share(self.step, self.seconds)

    def update(self, patches: PatchSource, shares: Shares) -> None:
        """One optimiser step; one whose loss or gradient is not finite is skipped.

        Whatever is random in it follows from the seed and the number of the step, so a resumed run needs no
        generator's state.
        """
        config = self.config
        chance = np.random.default_rng((config.seed, self.step))
        rgb_BCHW = patches.draw(config.batch, config.patch, chance)
        rate = learning_rate(config.optimiser, step=self.step, share=self.share)
        parameters = list(self.model.parameters())
        loss = shares.backward(partial(self.recipe.loss, self.model), parameters, rgb_BCHW, chance)
        norm = torch.nn.utils.clip_grad_norm_(parameters, config.optimiser.clip_norm)
        measured = {"loss": loss.total, "norm": norm, **loss.parts}
        values = dict(zip(measured, torch.stack(list(measured.values())).tolist(), strict=True))
        if not (math.isfinite(values["loss"]) and math.isfinite(values["norm"])):
            self.skip(values["loss"])
            return
        self.skipped = 0
        self.optimiser.step(rate, shares)
        decay = min(config.optimiser.ema_decay, (1.0 + self.step) / (10.0 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.ema.parameters()), list(self.model.parameters()), 1.0 - decay)
        self.window.add(values | {"learning_rate": rate})

    def skip(self, loss: float) -> None:
        """Note a step that could not be taken."""
        self.log.write("skipped", self.step + 1, loss=repr(loss))  # the number it would have been
        self.skipped += 1
        if self.skipped >= _MOST_SKIPPED:
            raise TrainingError(
                f"expected a finite loss, got none in {self.skipped} steps up to {self.step}: the run in {self.out} "
                "has diverged; train elsewhere with a lower optimiser.learning_rate or clip_norm"
            )

    def evaluate(self) -> None:
        """Measure the averaged weights, log it, and keep what the first held-back crop looks like."""
        evaluation = self.recipe.evaluate(self.ema, self.held_back, self.share)
        self.reached = evaluation_row(evaluation)
        self.log.write("evaluate", self.step, **self.reached)
        save_strip(self.out, self.step, evaluation, self.held_back[0])

    def progress(self, loss: float, pace: float) -> TrainingProgress:
        """What to tell after a step, at `pace` seconds a step."""
        return TrainingProgress(
            step=self.step,
            steps=self.config.steps,
            share=self.share,
            loss=loss,
            reached=tuple(Point(**point) for point in self.reached["points"]),
            patches_per_second=self.config.batch / pace,
            seconds_left=self.budget.seconds_left(self.step, self.seconds, pace=pace),
        )

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(
            self.out,
            Checkpoint(
                step=self.step,
                seconds=self.seconds,
                model=self.model.state_dict(),
                ema=self.ema.state_dict(),
                optimiser=self.optimiser.state_dict(),
                recipe=json.dumps(self.recipe.state()),
                window=self.window.dump(),
                reached=json.dumps(self.reached),
                config=self.config.model_dump_json(),
            ),
        )

    def export(self) -> Path:
        """Write the averaged weights with their recipe."""
        record: dict[str, object] = {
            "config": json.loads(self.config.model_dump_json()),
            "steps_done": self.step,
            "crops": len(self.crops),
            "held_back_crops": len(self.held_back),
            "reached": self.reached,
            "torch": torch.__version__,
        }
        path = self.out / f"{self.config.preset}.safetensors"
        temporary = path.with_suffix(".partial")
        temporary.write_bytes(self.recipe.export(self.ema, record, self.crops))
        temporary.replace(path)
        return path
