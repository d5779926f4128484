"""What a training run of `standard-1` is told. No torch here."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codec.families.standard.config import BLOCK, ModelConfig
from codec.training.config import Objective, OptimiserConfig, QualityLevel, TrainConfig

TINY: Final[dict[str, Any]] = {
    "preset": "tiny",
    "model": {
        "shrink": 2,
        "comcnn": {"width": 4, "pairs": 0},
        "editor": {"width": 8, "blocks": 1},
        "reccnn": {"width": 4, "pairs": 1},
    },
    "evaluate_qualities": [10, 50],
}
"""The family's keys of a run of seconds."""


class StandardLossConfig(BaseModel):
    """log(bits) + exchange x log(distortion), mean over pictures."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    objective: Objective = "mixed"
    """What distortion is: mse, ssim, or mixed."""
    ssim_scales: int | None = Field(default=None, ge=1, le=5)
    """Of SSIM; by default as many as fit into a patch."""
    lpips: float = Field(default=0.0, ge=0.0)
    """What LPIPS (AlexNet) is worth in squared error, beside `objective`. Its weights come in a package (extra
    `judges`); a model that was trained on it is not judged by it."""
    exchange: float = Field(default=2.0, gt=0.0)
    """Percents of bits that a percent of distortion is worth: best as many as the chain without networks takes."""


class StandardOptimiserConfig(OptimiserConfig):
    """The loop's, and how fast what is done before the file moves."""

    before_scale: float = Field(default=1.0, ge=0.0)
    """Learning rate of ComCNN and the editor over that of RecCNN: it has to follow them."""


class StandardTrainConfig(TrainConfig):
    """One preset's run."""

    model: ModelConfig = ModelConfig()
    optimiser: StandardOptimiserConfig = StandardOptimiserConfig()
    loss: StandardLossConfig = StandardLossConfig()
    evaluate_qualities: tuple[QualityLevel, ...] = Field(default=(5, 20, 40), min_length=1)
    """Qualities that the averaged weights are measured at."""

    @model_validator(mode="after")
    def _whole_blocks(self) -> StandardTrainConfig:
        multiple = 2 * BLOCK * self.model.shrink
        if self.patch % multiple:
            raise ValueError(
                f"expected a patch of a multiple of {multiple} pixels, whole JPEG blocks of chroma; got {self.patch}"
            )
        return self
