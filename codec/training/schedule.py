"""How much of a run is over, by steps or by the clock, and the learning rate there."""

from __future__ import annotations

import time
from dataclasses import dataclass

from codec.training.config import OptimiserConfig, TrainConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long a run is: one of the two."""

    steps: int | None
    minutes: float | None

    @classmethod
    def of(cls, config: TrainConfig) -> Budget:
        """The budget that a config sets."""
        return cls(steps=config.steps, minutes=config.minutes)

    def fraction_done(self, step: int, seconds: float) -> float:
        """Of the run, after that many steps and seconds of all its sessions: 0 to 1."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        assert self.minutes is not None
        return min(1.0, seconds / (60.0 * self.minutes))

    def seconds_left(self, step: int, seconds: float, *, seconds_a_step: float) -> float:
        """To the end of the run, at `seconds_a_step`."""
        if self.steps is not None:
            return seconds_a_step * (self.steps - step)
        assert self.minutes is not None
        return max(0.0, 60.0 * self.minutes - seconds)


class RunClock:
    """Steps and seconds of a run, in all its sessions."""

    def __init__(self, budget: Budget, *, step: int = 0, seconds: float = 0.0) -> None:
        """Go on after that many steps and seconds; the session begins with `start`."""
        self._budget = budget
        self.step, self.seconds = step, seconds
        self._first_step, self._earlier_seconds, self._began = step, seconds, 0.0

    def start(self) -> None:
        """Begin a session."""
        self._first_step, self._earlier_seconds = self.step, self.seconds
        self._began = time.monotonic()

    def count_step(self) -> None:
        """One more step is done."""
        self.step += 1
        self.seconds = self._earlier_seconds + time.monotonic() - self._began

    @property
    def fraction_done(self) -> float:
        """Of the run, 0 to 1."""
        return self._budget.fraction_done(self.step, self.seconds)

    @property
    def seconds_a_step(self) -> float:
        """In this session, evaluations and checkpoints included. It has at least one step."""
        return (time.monotonic() - self._began) / (self.step - self._first_step)

    @property
    def seconds_left(self) -> float:
        """To the end of the run, at the pace of this session."""
        return self._budget.seconds_left(self.step, self.seconds, seconds_a_step=self.seconds_a_step)


def learning_rate(config: OptimiserConfig, *, step: int, fraction_done: float) -> float:
    """Of the step that comes after `step` others: warm-up by steps, constant, then linear to zero."""
    warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    if fraction_done < config.decay_from:
        return config.learning_rate * warm
    return config.learning_rate * warm * (1.0 - fraction_done) / max(1e-9, 1.0 - config.decay_from)
