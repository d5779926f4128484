"""What an adaptation tells whoever watches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from codec.adaptation.curves import NoGainError, Point, log_rate_change
from codec.training.log import read_log
from codec.training.progress import TrainingProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationProgress:
    """The state of a run after one more step."""

    step: int
    fraction_done: float
    """Of the training, 0 to 1."""
    seconds_left: float
    """Of the training."""
    gain_percent: float | None
    """About the change of bits at equal quality, by estimate on a few images that are not trained on, at the last
    look; negative is better. None before the first look, and where they cannot be compared."""


class AdaptationWatch:
    """The progress of the training in a folder as that of an adaptation."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._first: list[Point] = []

    def of(self, progress: TrainingProgress) -> AdaptationProgress:
        """The state after a step of training."""
        self._first = self._first or self._first_points()
        return AdaptationProgress(
            step=progress.step,
            fraction_done=progress.fraction_done,
            seconds_left=progress.seconds_left,
            gain_percent=self._gain([(point.bpp, point.psnr_db) for point in progress.reached]),
        )

    def _gain(self, reached: list[Point]) -> float | None:
        if reached == self._first:
            return None
        try:
            return 100.0 * math.expm1(log_rate_change(self._first, reached, low_db=0.0, high_db=math.inf))
        except NoGainError:
            return None

    def _first_points(self) -> list[Point]:
        """What the weights that the run began with reach on the images it looks at."""
        first = next(row for row in read_log(self._out) if row["kind"] == "evaluate")
        return [(point["bpp"], point["psnr_db"]) for point in first["points"] if point["psnr_db"] is not None]
