"""Weights files: one safetensors per preset, its config and recipe inside, and the family's index beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from codec.contract import QUALITIES
from codec.errors import WeightsError
from codec.families.ae_zfp import FAMILY
from codec.families.ae_zfp.config import ModelConfig
from codec.families.ae_zfp.model import AutoEncoder
from codec.family_weights import read_config
from codec.parts.start_values import without_values
from codec.weights_file import WeightsFile, load_state, read_weights

INDEX_NAME: Final = "index.json"


class QuantiserConfig(BaseModel):
    """How latents become integers for one model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: float = Field(gt=0.0)
    """The step the model was trained around, in units of orthonormal YCbCr coefficients."""
    dead_zone: float = Field(default=0.15, ge=0.0, lt=0.5)
    """How much further than half a step a value must lie from zero to become the next integer."""
    tail_weight: float = Field(default=0.14, ge=0.0)
    """Squared steps of error that one bit is worth when the encoder cuts a block's tail; 0 cuts nothing."""
    predicted_channels: tuple[int, ...] = ()
    """Channels coded as differences to their left neighbour: those that vary slowly over an image."""


class WeightsConfig(BaseModel):
    """All that is needed to use a weights file, and where it came from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: str
    model: ModelConfig
    quantiser: QuantiserConfig
    recipe: dict[str, object] = {}

    @model_validator(mode="after")
    def _channels_are_there(self) -> WeightsConfig:
        if not set(self.quantiser.predicted_channels) <= set(range(self.model.latent_channels)):
            raise ValueError(
                f"expected predicted_channels below {self.model.latent_channels}, got "
                f"{self.quantiser.predicted_channels}"
            )
        return self


class QualityPoint(BaseModel):
    """What serves one quality level."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: str
    step: Annotated[float, Field(gt=0.0)]
    ratio: float
    """Raw 24-bit bytes over payload bytes, on the held-back crops of the calibration."""


class FamilyIndex(BaseModel):
    """Which preset serves which quality, written by the calibration step of the trainer. Weights that lie beside it and
    are not named in it serve no quality unless they are asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    presets: tuple[str, ...]
    """Smallest files first; the order is the preset number in payloads."""
    qualities: Annotated[
        tuple[QualityPoint, ...], Field(min_length=len(QUALITIES), max_length=len(QUALITIES))
    ]
    preset_quality: dict[str, int]
    """The quality at which a preset's nominal ratio is met."""
    calibration: str
    """On what, and when, the ratios were measured."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """One loaded preset."""

    config: WeightsConfig
    model: AutoEncoder
    digest: bytes
    """First 8 bytes of the file's sha256."""
    data: bytes
    """The file."""


def load_index(folder: Path) -> FamilyIndex:
    """The index of a family's folder.

    Raises:
        WeightsError: it is missing or malformed.
    """
    path = folder / INDEX_NAME
    try:
        return FamilyIndex.model_validate_json(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"expected the weights index {path}, got {error}; reinstall tenfold") from error
    except ValidationError as error:
        raise WeightsError(f"weights index {path} is malformed: {error.errors()[0]['msg']}") from error


def load_weights(path: Path) -> Weights:
    """A weights file as a float32 model in evaluation mode, on the CPU.

    Raises:
        WeightsError: it is missing, damaged, or made for another model.
    """
    return understand(read_weights(path))


def understand(file: WeightsFile) -> Weights:
    """A weights file as a float32 model in evaluation mode, on the CPU.

    Raises:
        WeightsError: it is made for another model.
    """
    config = read_config(file, WeightsConfig, FAMILY.id)
    with without_values():
        model = AutoEncoder(config.model)
    load_state(model, file.tensors, where=file.where)
    return Weights(config=config, model=model, digest=file.digest, data=file.data)
