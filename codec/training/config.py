"""What every training run is told, whatever the family; a family's own keys stand beside these (its `recipe.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codec.contract import QUALITIES
from codec.errors import CodecConfigError
from codec.family import CODEC_ITSELF

Objective = Literal["mse", "ssim", "mixed"]
"""What a model is trained to keep of a picture (`codec/training/losses.py`), in families that offer the choice."""
QualityLevel = Annotated[int, Field(ge=QUALITIES.start, lt=QUALITIES.stop)]
"""A whole quality, of those that a model is evaluated at."""


class OptimiserConfig(BaseModel):
    """The method and its schedule: warm-up, constant, then linear to zero."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    method: Literal["adamw", "soap"] = "adamw"
    """For the matrices of the networks; everything else learns by AdamW."""
    learning_rate: float = Field(default=2e-3, gt=0.0)
    """The highest of the run, after the warm-up."""
    linear_scale: float = Field(default=0.1, ge=0.0, le=1.0)
    """Learning rate of the linear path over that of the residual blocks: it starts at its goal."""
    weight_decay: float = Field(default=0.01, ge=0.0)
    """Share of a weight that is taken off at every step, times the learning rate."""
    warmup_steps: int = Field(default=100, ge=0)
    """Steps in which the learning rate rises from nothing."""
    decay_from: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share of the run after which the learning rate falls."""
    clip_norm: float = Field(default=1.0, gt=0.0)
    """Gradients with a larger norm are scaled down to it."""
    ema_decay: float = Field(default=0.998, ge=0.0, lt=1.0)
    """What the exponential average of the weights keeps of itself at every step."""


class DataConfig(BaseModel):
    """How many of the images are held in memory, and what of each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    crop: int = Field(default=512, ge=32)
    """Images larger than this, either way, are held as crops of this many pixels a side."""
    crops_per_image: int = Field(default=4, ge=1, le=10)
    """Crops of one large image, at most: fewer when they would cover it more than once."""
    max_images: int = Field(default=20_000, ge=1)
    """Of more images than this a sample is read."""
    max_gib: float = Field(default=4.0, gt=0.0)
    """Memory for pixels; reading stops when it is full."""
    mirrored: bool = True
    """Whether patches are mirrored and turned at random: not where that changes what is shown, as of digits."""
    column: str | None = None
    """Parquet column of encoded images; by default the one that can be."""


class TrainConfig(BaseModel):
    """One training run; each family has a subclass."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: str
    """The codec family, such as hyper-1."""
    trains: str = CODEC_ITSELF
    """What of the family is trained: its codec, or something beside it, such as a decoder of hyper-1's payloads."""
    preset: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    """Name of the weights file to write."""
    optimiser: OptimiserConfig = OptimiserConfig()
    data: DataConfig = DataConfig()
    steps: int | None = Field(default=None, ge=1)
    """How long the run is. A run takes steps or minutes, not both."""
    minutes: float | None = Field(default=None, gt=0.0)
    """Instead of steps: the schedule follows the clock, minutes of earlier sessions counted."""
    batch: int = Field(default=16, ge=1)
    """Patches of one step."""
    patch: int = Field(default=128, ge=32, multiple_of=16)
    """Pixels a side of what is trained on."""
    seed: int = Field(default=0, ge=0)
    """What is drawn at each step follows from it and the number of the step."""
    held_back: float = Field(default=0.05, gt=0.0, lt=1.0)
    """Share of photographs never trained on."""
    evaluate_every: int = Field(default=200, ge=1)
    """Steps."""
    evaluate_crops: int = Field(default=12, ge=1)
    """Crops of held-back photographs that are evaluated, at most."""
    checkpoint_minutes: float = Field(default=2.0, ge=0.0)
    """A checkpoint at least this often, and at the end of every session; 0 for one after every step."""
    log_every: int = Field(default=50, ge=1)
    """Steps."""
    bfloat16: bool = True
    """Run the networks in bfloat16 while training, all but their linear paths, where the device multiplies it
    natively: elsewhere that is slower than float32."""

    @model_validator(mode="after")
    def _one_budget(self) -> TrainConfig:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("expected either steps or minutes, got " + ("both" if self.steps else "neither"))
        if self.data.crop < self.patch:
            raise ValueError(f"data.crop of {self.data.crop} is smaller than patch of {self.patch}")
        return self

    @classmethod
    def keys_of(cls, weights: Mapping[str, Any]) -> dict[str, Any]:
        """The keys of a run that goes on from a weights file and keeps its shape.

        Args:
            weights: what the file says of itself (`codec.weights_file.WeightsFile.config`, parsed).
        Raises:
            CodecConfigError: weights of this family cannot be adapted, as where one file is not a whole codec.
        """
        del weights
        raise CodecConfigError(
            f"expected a family whose weights can be adapted, such as hyper-1; {cls.__name__} does not say how a run "
            "goes on from one weights file (keys_of)"
        )
