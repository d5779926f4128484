"""The training loop, the same for every family: from nothing or from other weights, resumable at any kill."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from codec.contract import RGB
from codec.errors import TrainingError
from codec.training.batch_shares import Shares, default_workers, side_by_side
from codec.training.checkpoint import Checkpoint, check_same_config, load_checkpoint, save_checkpoint
from codec.training.config import TrainConfig
from codec.training.image_crops import Crops
from codec.training.learner import Learner
from codec.training.patch_source import PatchSource
from codec.training.progress import TrainingProgress
from codec.training.recipe import Evaluation, Recipe
from codec.training.schedule import Budget, RunClock, learning_rate
from codec.training.training_record import TrainingRecord

SHIPPED_START: Final = Path("shipped")
"""As `start_from`: the weights that ship for this family and preset."""
_MOST_SKIPPED: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a session leaves."""

    weights: Path
    """The averaged weights as they are, `out/<preset>.safetensors`: if they were to be written."""
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
    held_out: Mapping[str, Sequence[RGB]] | None = None,
    device: torch.device | None = None,
    workers: int | None = None,
    export: bool = True,
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
        held_out: further images that are not trained on, by their kind: every evaluation measures each kind too.
        workers: shares of a batch that run side by side; by default one per core, or one on a GPU.
        export: write the weights at the end of this session; the checkpoint has them anyway.
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
        run = _Run(config, recipe, _Data.of(crops, held_out or {}, config), out)
        if checkpoint is None:
            run.begin(start_from)
        else:
            run.restore(checkpoint)
        with side_by_side(min(workers or default_workers(device), config.batch)) as shares:
            run.advance(PatchSource(run.data.crops, device), shares, stop, on_progress)
        if export:
            run.export()
        return Trained(weights=run.weights, step=run.clock.step, finished=run.clock.fraction_done >= 1.0)
    finally:
        torch.set_flush_denormal(False)  # it holds for the whole process, which is not ours alone


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Data:
    """A run's images."""

    crops: Crops
    """Those trained on."""
    measured: list[RGB]
    """Those held back that evaluations are made on."""
    kinds: Mapping[str, Sequence[RGB]]
    """Those that evaluations are made on apart."""

    @classmethod
    def of(cls, crops: Crops, kinds: Mapping[str, Sequence[RGB]], config: TrainConfig) -> _Data:
        trained_on, held_back = crops.split(config.held_back)
        return cls(crops=trained_on, measured=held_back.spread(config.evaluate_crops), kinds=kinds)


class _Run:
    """One run: its learner, its clock and its record, moved on together and saved together."""

    def __init__(self, config: TrainConfig, recipe: Recipe[Any], data: _Data, out: Path) -> None:
        self._config, self._recipe, self._out = config, recipe, out
        self.data = data
        self._learner = Learner(recipe, config)
        self.clock = RunClock(Budget.of(config))
        self._record = TrainingRecord(out)
        self._skipped_in_a_row = 0

    def begin(self, start_from: Path | None) -> None:
        """Give the model its first weights, and see what they are worth."""
        start = self._recipe.shipped() if start_from == SHIPPED_START else start_from
        self._record.begin()
        self._learner.begin(self.data.crops, self.data.measured, start)
        self._evaluate()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to where a checkpoint was taken."""
        self._learner.restore(checkpoint)
        self._recipe.restore(json.loads(checkpoint.recipe))
        self._record.restore(checkpoint)
        self.clock = RunClock(Budget.of(self._config), step=checkpoint.step, seconds=checkpoint.seconds)

    def advance(
        self,
        patches: PatchSource,
        shares: Shares,
        stop: Callable[[TrainingProgress], bool],
        on_progress: Callable[[TrainingProgress], None],
    ) -> None:
        """Train to the end of the run or of the session, with a checkpoint there and on the way."""
        config, clock = self._config, self.clock
        clock.start()
        saved = time.monotonic()
        stopping = False
        while clock.fraction_done < 1.0 and not stopping:
            self._step(patches, shares)
            clock.count_step()
            over = clock.fraction_done >= 1.0
            if clock.step % config.evaluate_every == 0 or over:
                self._evaluate()
            loss = self._record.mean_loss
            if clock.step % config.log_every == 0 or over:
                self._record.write_means(clock.step)
            progress = self._progress(loss)
            on_progress(progress)
            stopping = stop(progress)
            if over or stopping or time.monotonic() - saved >= 60.0 * config.checkpoint_minutes:
                self._save()
                saved = time.monotonic()

    @property
    def weights(self) -> Path:
        """Where `export` writes."""
        return self._out / f"{self._config.preset}.safetensors"

    def export(self) -> None:
        """Write the averaged weights with their recipe."""
        record: dict[str, object] = {
            "config": json.loads(self._config.model_dump_json()),
            "steps_done": self.clock.step,
            "crops": len(self.data.crops),
            "held_back_crops": len(self.data.measured),
            "reached": self._record.reached,
            "torch": torch.__version__,
        }
        temporary = self.weights.with_suffix(".partial")
        temporary.write_bytes(self._recipe.export(self._learner.average, record, self.data.crops))
        temporary.replace(self.weights)

    def _step(self, patches: PatchSource, shares: Shares) -> None:
        """Take one optimiser step.

        Whatever is random in it follows from the seed and the number of the step, so a resumed run needs no
        generator's state.
        """
        config, step = self._config, self.clock.step
        chance = np.random.default_rng((config.seed, step))
        rgb_BCHW = patches.draw(config.batch, config.patch, chance)
        rate = learning_rate(config.optimiser, step=step, fraction_done=self.clock.fraction_done)
        result = self._learner.learn(rgb_BCHW, chance, step=step, rate=rate, shares=shares)
        if result.taken:
            self._skipped_in_a_row = 0
            self._record.add(result.values | {"learning_rate": rate})
        else:
            self._record.write_skipped(step + 1, result.values["loss"])
            self._check_divergence()

    def _check_divergence(self) -> None:
        self._skipped_in_a_row += 1
        if self._skipped_in_a_row >= _MOST_SKIPPED:
            raise TrainingError(
                f"expected a finite loss, got none in {self._skipped_in_a_row} steps up to {self.clock.step}: the run "
                f"in {self._out} has diverged; train elsewhere with a lower optimiser.learning_rate or clip_norm"
            )

    def _evaluate(self) -> None:
        """Measure the averaged weights."""
        kinds = {kind: self._measured(images) for kind, images in self.data.kinds.items()}
        measured = self.data.measured
        evaluation = self._recipe.evaluate(self._learner.average, measured, self.clock.fraction_done)
        self._record.write_evaluation(self.clock.step, evaluation, measured[0], kinds)

    def _measured(self, images: Sequence[RGB]) -> Evaluation:
        """Measure the averaged weights on images that the recipe does not follow."""
        state = self._recipe.state()
        evaluation = self._recipe.evaluate(self._learner.average, images, self.clock.fraction_done)
        self._recipe.restore(state)
        return evaluation

    def _progress(self, loss: float) -> TrainingProgress:
        return TrainingProgress(
            step=self.clock.step,
            steps=self._config.steps,
            fraction_done=self.clock.fraction_done,
            loss=loss,
            reached=self._record.points,
            patches_per_second=self._config.batch / self.clock.seconds_a_step,
            seconds_left=self.clock.seconds_left,
        )

    def _save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(
            self._out,
            Checkpoint(
                step=self.clock.step,
                seconds=self.clock.seconds,
                recipe=json.dumps(self._recipe.state()),
                config=self._config.model_dump_json(),
                **self._learner.state(),
                **self._record.state(),
            ),
        )
