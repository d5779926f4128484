"""One run: its learner, its clock and its record, moved on together and saved together."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from codec.contract import RGB
from codec.errors import TrainingError
from codec.training.batch_shares import Shares
from codec.training.checkpoint import Checkpoint, save_checkpoint
from codec.training.config import TrainConfig
from codec.training.durations import Durations
from codec.training.learner import Learner
from codec.training.patch_source import PatchSource
from codec.training.progress import TrainingProgress
from codec.training.recipe import Evaluation, FollowsTheRun, Recipe
from codec.training.schedule import Budget, RunClock, learning_rate
from codec.training.session import Session, SessionOver
from codec.training.training_data import TrainingData
from codec.training.training_record import TrainingRecord
from codec.training.written import replacing

_MOST_SKIPPED: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a session left."""

    weights: Path
    """Where the averaged weights are exported to, `out/<preset>.safetensors`."""
    exported: bool
    """Whether they were: not if they were not to be, or the session was interrupted."""
    step: int
    """That the checkpoint was taken at."""
    finished: bool
    """Whether the run is over, and not only the session."""


class TrainingRun:
    """One run: its learner, its clock and its record, moved on together and saved together."""

    def __init__(
        self,
        config: TrainConfig,
        recipe: Recipe[Any],
        data: TrainingData,
        out: Path,
        session: Session,
        *,
        exports: bool,
    ) -> None:
        """Build the model; it has no weights worth using until `begin` or `restore`.

        Args:
            out: the run's folder.
            exports: whether the session ends with a weights file.
        """
        self._config, self._recipe, self._data, self._out = config, recipe, data, out
        self._session, self._exports = session, exports
        self._learner = Learner(recipe, config)
        self._clock = RunClock(Budget.of(config))
        self._record = TrainingRecord(out)
        self._durations = Durations(out)
        self._is_evaluated = self._is_saved = False
        self._skipped_in_a_row = 0
        self._foresee_the_end()

    def begin(self, start_from: Path | None) -> None:
        """Give the model its first weights.

        Raises:
            SessionOver: the session was over before it had them.
        """
        self._record.begin()
        self._learner.begin(self._data.crops, self._data.measured, start_from)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to where a checkpoint was taken."""
        self._learner.restore(checkpoint)
        self._recipe.restore(json.loads(checkpoint.recipe))
        self._record.restore(checkpoint)
        self._clock = RunClock(Budget.of(self._config), step=checkpoint.step, seconds=checkpoint.seconds)
        self._is_evaluated, self._is_saved = checkpoint.is_evaluated, True

    def advance(
        self,
        patches: PatchSource,
        shares: Shares,
        on_progress: Callable[[TrainingProgress], None],
    ) -> None:
        """Train to the end of the run or of the session, with a checkpoint there and on the way."""
        config, clock, session = self._config, self._clock, self._session
        self._evaluate_if_due()
        clock.start()
        saved = time.monotonic()
        session.tell("steps of this session taken, the first of which may compile", 0, None)
        while clock.fraction_done < 1.0 and self._is_evaluated and not session.is_over():
            self._step(patches, shares)
            clock.count_step()
            session.count_step()
            is_last = clock.fraction_done >= 1.0
            self._is_evaluated, self._is_saved = (
                not (clock.step % config.evaluate_every == 0 or is_last),
                False,
            )
            self._evaluate_if_due()
            loss = self._record.mean_loss
            if clock.step % config.log_every == 0 or is_last:
                self._record.write_means(clock.step)
            on_progress(self._progress(loss))
            if time.monotonic() - saved >= 60.0 * config.checkpoint_minutes:
                self._save()
                saved = time.monotonic()
        if not self._is_saved:
            self._save()

    def end(self) -> Trained:
        """End the session: with the weights, if they are to be written and nobody interrupts."""
        self._session.close()
        self._record.write_session(self._clock.step, self._clock.seconds)
        exported = False
        if self._exports and not self._session.was_interrupted:
            try:
                with self._durations.measured("export"):
                    self._export()
                exported = True
            except SessionOver:
                pass  # the checkpoint is safe
        return Trained(
            weights=weights_path(self._out, self._config),
            exported=exported,
            step=self._clock.step,
            finished=self._clock.fraction_done >= 1.0 and self._is_evaluated,
        )

    def _export(self) -> None:
        """Write the averaged weights with their recipe."""
        self._session.tell("weights files written", 0, 1)
        record: dict[str, object] = {
            "config": json.loads(self._config.model_dump_json()),
            "steps_done": self._clock.step,
            "crops": len(self._data.crops),
            "held_back_crops": len(self._data.measured),
            "reached": self._record.reached,
            "torch": torch.__version__,
        }
        weights = weights_path(self._out, self._config)
        exported = self._recipe.export(self._learner.average, record, self._data.crops)
        with replacing(weights) as file:
            file.write(exported)

    def _step(self, patches: PatchSource, shares: Shares) -> None:
        """Take one optimiser step.

        Whatever is random in it follows from the seed and the number of the step, so a resumed run needs no
        generator's state.
        """
        config, step = self._config, self._clock.step
        chance = np.random.default_rng((config.seed, step))
        rgb_BCHW = patches.draw(config.batch, config.patch, chance)
        rate = learning_rate(config.optimiser, step=step, fraction_done=self._clock.fraction_done)
        if isinstance(self._recipe, FollowsTheRun):
            self._recipe.reach(self._clock.fraction_done)
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
                f"expected a finite loss, got none in {self._skipped_in_a_row} steps up to {self._clock.step}: the run "
                f"in {self._out} has diverged; train elsewhere with a lower optimiser.learning_rate or clip_norm"
            )

    def _evaluate_if_due(self) -> None:
        """Measure the averaged weights, unless the session would be over before that is done."""
        if self._is_evaluated or self._session.is_over(before=self._durations.evaluation):
            return
        try:
            with self._durations.measured("evaluation"):
                self._evaluate()
        except SessionOver:
            return
        self._is_evaluated, self._is_saved = True, False
        self._foresee_the_end()

    def _foresee_the_end(self) -> None:
        if self._exports:
            self._session.keep_for_the_end(self._durations.export)

    def _evaluate(self) -> None:
        kinds = {kind: self._measured(images) for kind, images in self._data.kinds.items()}
        measured = self._data.measured
        evaluation = self._recipe.evaluate(self._learner.average, measured, self._clock.fraction_done)
        self._record.write_evaluation(self._clock.step, evaluation, measured[0], kinds)

    def _measured(self, images: Sequence[RGB]) -> Evaluation:
        """Measure the averaged weights on images that the recipe does not follow."""
        state = self._recipe.state()
        try:
            return self._recipe.evaluate(self._learner.average, images, self._clock.fraction_done)
        finally:
            self._recipe.restore(state)

    def _progress(self, loss: float) -> TrainingProgress:
        return TrainingProgress(
            step=self._clock.step,
            steps=self._config.steps,
            fraction_done=self._clock.fraction_done,
            loss=loss,
            reached=self._record.points,
            reached_at=self._record.reached_at,
            patches_per_second=self._config.batch / self._clock.seconds_a_step,
            seconds_left=self._clock.seconds_left,
            session_seconds_left=self._session.seconds_left,
        )

    def _save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(
            self._out,
            Checkpoint(
                step=self._clock.step,
                seconds=self._clock.seconds,
                recipe=json.dumps(self._recipe.state()),
                config=self._config.model_dump_json(),
                is_evaluated=self._is_evaluated,
                images=self._session.images,
                **self._learner.state(),
                **self._record.state(),
            ),
        )
        self._is_saved = True


def weights_path(out: Path, config: TrainConfig) -> Path:
    """Where a run in that folder exports to."""
    return out / f"{config.preset}.safetensors"
