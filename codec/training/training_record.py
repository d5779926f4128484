"""What a run writes about itself while it goes: the lines of its log, pictures of its evaluations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codec.contract import RGB
from codec.training.checkpoint import Checkpoint
from codec.training.kept_pictures import keep_pictures
from codec.training.log import LogWindow, TrainingLog, evaluation_row
from codec.training.recipe import Evaluation, EvaluationPoint


class TrainingRecord:
    """The record of the run in one folder."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._log = TrainingLog(out)
        self._window = LogWindow()
        self.reached: dict[str, Any] = {}
        """The last evaluation as the log has it, with its step; empty before the first."""

    @property
    def points(self) -> tuple[EvaluationPoint, ...]:
        """What the last evaluation reached."""
        return tuple(EvaluationPoint(**point) for point in self.reached.get("points", ()))

    @property
    def reached_at(self) -> int:
        """The step of the last evaluation; 0 before the first."""
        step: int = self.reached.get("step", 0)
        return step

    @property
    def mean_loss(self) -> float:
        """Since the last line of the log; NaN when every step of it was skipped."""
        return self._window.mean("loss")

    def begin(self) -> None:
        """Drop what another run left in the folder's log."""
        self._log.clear()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to where a checkpoint was taken."""
        self._window = LogWindow.parse(checkpoint.window)
        self.reached = json.loads(checkpoint.reached)
        self._log.cut(checkpoint.step)

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of it: `window` and `reached`."""
        return {"window": self._window.dump(), "reached": json.dumps(self.reached)}

    def add(self, values: dict[str, float]) -> None:
        """Take in the values of a step."""
        self._window.add(values)

    def write_means(self, step: int) -> None:
        """Write a line with the means of the steps since the last one."""
        self._log.write("train", step, **self._window.take())

    def write_skipped(self, step: int, loss: float) -> None:
        """Write a line about a step that could not be taken."""
        self._log.write("skipped", step, loss=repr(loss))

    def write_session(self, step: int, seconds: float) -> None:
        """Write a line about the end of a session: how long the run has been trained by then, all sessions counted."""
        self._log.write("session", step, minutes=round(seconds / 60.0, 1))

    def write_evaluation(
        self, step: int, evaluation: Evaluation, original: RGB, kinds: Mapping[str, Evaluation]
    ) -> None:
        """Write a line about an evaluation, those of single kinds of images beside it, and keep its picture of the
        first held-back crop, `original`."""
        row = evaluation_row(evaluation)
        if kinds:
            row["kinds"] = {kind: evaluation_row(one) for kind, one in kinds.items()}
        self.reached = {"step": step, **row}
        self._log.write("evaluate", step, **row)
        keep_pictures(self._out, step, evaluation, original)
