"""What a training run of `classic-1` is told."""

from __future__ import annotations

from typing import Any, Final

from pydantic import model_validator

from codec.families.classic.config import DenseConfig, Network
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

    @model_validator(mode="after")
    def _patch_fits(self) -> ClassicTrainConfig:
        if isinstance(self.network, DenseConfig) and self.patch % self.network.block:
            raise ValueError(
                f"expected a patch of whole blocks of {self.network.block} pixels, got {self.patch} pixels a side"
            )
        return self
