"""Shape of the model."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

GRID: Final = 16
"""Pixels per block, each way."""
PATCH_VALUES: Final = 3 * GRID * GRID
RATIO: Final = (8, 5)
"""A step over the next one. A quotient of integers, so that whoever codes the moves can follow sizes in integers."""


class ModelConfig(BaseModel):
    """One model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    iterations: int = Field(default=10, ge=1, le=16)
    """How many times bits are sent, at most."""
    coefficients: int = Field(default=192, ge=8, le=PATCH_VALUES, multiple_of=8)
    """Of a block; each gets two bits an iteration."""
    width: int = Field(default=192, ge=8, le=4096, multiple_of=8)
    """Channels of either network's state."""
    coarsest_step: float = Field(default=3.0, gt=0.0)
    """By which a coefficient moves in the first iteration."""
    priming: int = Field(default=1, ge=0, le=4)
    """Times that either network runs before the first iteration counts."""

    def step(self, iteration: float) -> float:
        """By which a coefficient moves in an iteration, counted from 0."""
        return float(self.coarsest_step * (RATIO[1] / RATIO[0]) ** iteration)
