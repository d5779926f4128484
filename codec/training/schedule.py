"""How much of a run is over, by steps or by the clock, and the learning rate there."""

from __future__ import annotations

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

    def share(self, step: int, seconds: float) -> float:
        """Of the run, after that many steps and seconds of all its sessions: 0 to 1."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        assert self.minutes is not None
        return min(1.0, seconds / (60.0 * self.minutes))

    def seconds_left(self, step: int, seconds: float, *, pace: float) -> float:
        """To the end of the run, at `pace` seconds a step."""
        if self.steps is not None:
            return pace * (self.steps - step)
        assert self.minutes is not None
        return max(0.0, 60.0 * self.minutes - seconds)


def learning_rate(config: OptimiserConfig, *, step: int, share: float) -> float:
    """Of the step that comes after `step` others: warm-up by steps, constant, then linear to zero by share."""
    warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    if share < config.decay_from:
        return config.learning_rate * warm
    return config.learning_rate * warm * (1.0 - share) / max(1e-9, 1.0 - config.decay_from)
