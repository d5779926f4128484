"""What a training run is told, from YAML: unknown keys are refused, with the nearest known one."""

from __future__ import annotations

import difflib
import types
from pathlib import Path
from typing import Annotated, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from codec.ae_zfp.model import ModelConfig
from codec.errors import ConfigError


class OptimiserConfig(BaseModel):
    """AdamW and its schedule: warm-up, constant, then linear to zero."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    learning_rate: float = Field(default=2e-3, gt=0.0)
    linear_scale: float = Field(default=0.1, ge=0.0, le=1.0)
    """Learning rate of the linear path over that of the residual blocks: it starts at its goal."""
    weight_decay: float = Field(default=0.01, ge=0.0)
    warmup_steps: int = Field(default=100, ge=0)
    decay_from: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share of the run after which the learning rate falls."""
    clip_norm: float = Field(default=1.0, gt=0.0)
    ema_decay: float = Field(default=0.998, ge=0.0, lt=1.0)


class LossConfig(BaseModel):
    """Distortion + rate_weight x (quantiser step)^2 x bits, over (quantiser step)^2."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate_weight: float = Field(default=0.14, gt=0.0)
    """0.1155 is what a uniform quantiser trades at high rates; more favours small files."""
    ssim_share: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of the distortion's gradient that comes from SSIM, the rest from RGB MSE."""
    jitter_octaves: float = Field(default=0.5, ge=0.0, le=2.0)
    """How far each patch's step lies from the preset's, up or down, at most."""
    dead_zone: float = Field(default=0.15, ge=0.0, lt=0.5)


class TrainConfig(BaseModel):
    """One training run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    ratio: float = Field(gt=1.0)
    """Raw 24-bit bytes over payload bytes that held-back crops must reach; the quantiser step follows it."""
    model: ModelConfig = ModelConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    loss: LossConfig = LossConfig()
    start_step: float = Field(default=0.2, gt=0.0)
    """First guess of the quantiser step."""
    steps: int = Field(default=4000, ge=1)
    batch: int = Field(default=16, ge=1)
    patch: int = Field(default=128, ge=32, multiple_of=16)
    seed: int = 0
    held_back: float = Field(default=0.05, gt=0.0, lt=1.0)
    """Share of photographs never trained on."""
    evaluate_every: int = Field(default=200, ge=1)
    evaluate_crops: int = Field(default=12, ge=1)
    checkpoint_every: int = Field(default=200, ge=1)
    log_every: int = Field(default=50, ge=1)
    bfloat16: bool = True
    """Run the residual blocks in bfloat16 while training."""

    @model_validator(mode="after")
    def _patch_fits(self) -> TrainConfig:
        if self.patch < 16 * (self.model.decoder_blocks + 1) // 2:
            raise ValueError(f"patch of {self.patch} pixels is smaller than what the decoder sees")
        return self


def load_config(path: Path) -> TrainConfig:
    """A run's config from a YAML file.

    Raises:
        ConfigError: unreadable, malformed, or a key or value that cannot be; names it and the nearest valid key.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"expected a training config in YAML at {path}, got {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"expected keys and values in {path}, got {type(data).__name__}")
    try:
        return TrainConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError("; ".join(_explain(item, path) for item in error.errors())) from error


def _explain(item: object, path: Path) -> str:
    assert isinstance(item, dict)
    where = [str(part) for part in item["loc"]]
    key = ".".join(where) or "the file"
    if item["type"] != "extra_forbidden":
        return f"{path}: {key}: {item['msg']} (got {item['input']!r})"
    known = list(_model_at(where[:-1]).model_fields)
    near = difflib.get_close_matches(where[-1], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    return f"{path}: unknown key {key}; {hint}"


def _model_at(where: list[str]) -> type[BaseModel]:
    model: type[BaseModel] = TrainConfig
    for name in where:
        annotation = model.model_fields[name].annotation
        options = (
            get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
        )
        model = next(o for o in options if isinstance(o, type) and issubclass(o, BaseModel))
    return model
