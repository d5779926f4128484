"""What a training run of `classic-1` is told."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field, model_validator

from codec.families.classic.config import DIGIT, DenseConfig, DigitsConfig, Network, PreservingConfig
from codec.grid.train_config import GridTrainConfig

TINY: Final[dict[str, Any]] = {
    "preset": "tiny",
    "network": {"kind": "convolutional", "channels": 8, "width": 8},
    "evaluate_qualities": [20, 44],
}
"""The family's keys of a run of seconds."""


class ClassicTrainConfig(GridTrainConfig):
    """One preset's run."""

    network: Network
    patch: int = Field(default=128, ge=DIGIT, multiple_of=4)
    """Pixels a side of what is trained on: whole blocks, or whole digits."""

    @model_validator(mode="after")
    def _patch_fits(self) -> ClassicTrainConfig:
        network, block = self.network, 16
        if isinstance(network, DenseConfig):
            block = network.block
        elif isinstance(network, DigitsConfig | PreservingConfig):
            block = DIGIT
        if self.patch % block:
            raise ValueError(
                f"expected a patch of whole blocks of {block} pixels, got {self.patch} pixels a side"
            )
        return self
