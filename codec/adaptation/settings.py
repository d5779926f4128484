"""How weights are adapted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationSettings:
    """A budget, and the recipe; the defaults of the recipe are measured (docs/benchmarks)."""

    seconds: float | None = None
    """Of training on the clock, all sessions. Reading, fitting tables and judging come on top."""
    steps: int | None = None
    """Instead of seconds: a run that comes out the same on every repetition."""
    learning_rate: float = 1e-3
    """At the start, after a short warm-up; it falls to zero at the end of the budget."""
    batch: int = 4
    """Patches of one step."""
    patch: int = 192
    """Pixels a side of what is trained on, a multiple of 64. Smaller images are left out."""
    seed: int = 0
    workers: int | None = None
    """Shares of a batch that run side by side in threads; by default one per core, or one on a GPU."""

    def __post_init__(self) -> None:
        """Refuse what is no budget.

        Raises:
            ValueError: neither or both of seconds and steps are set, or one is not positive.
        """
        if (self.seconds is None) == (self.steps is None):
            raise ValueError(f"expected either seconds or steps, got {self.seconds} and {self.steps}")
        if (self.seconds or self.steps or 0) <= 0:
            raise ValueError(f"expected a budget above zero, got {self.seconds or self.steps}")
