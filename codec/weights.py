"""Weights files: one safetensors per preset, its config and recipe inside, and the family's index beside it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import safetensors
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import load, save
from torch import Tensor

from codec.errors import WeightsError
from codec.model import AutoEncoder, ModelConfig

SHIPPED: Final = Path(__file__).parent / "shipped"
INDEX_NAME: Final = "index.json"
DIGEST_BYTES: Final = 8


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


class QualityPoint(BaseModel):
    """What serves one quality level."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: str
    step: Annotated[float, Field(gt=0.0)]
    ratio: float
    """Raw 24-bit bytes over payload bytes, on the held-back crops of the calibration."""


class FamilyIndex(BaseModel):
    """Which preset serves which quality, written by the calibration step of the trainer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    presets: tuple[str, ...]
    """Smallest files first; the order is the preset number in payloads."""
    qualities: Annotated[tuple[QualityPoint, ...], Field(min_length=64, max_length=64)]
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
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"expected weights at {path}, got {error}") from error
    try:
        tensors = load(data)
        header_length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + header_length]).get("__metadata__", {})
        config = WeightsConfig.model_validate_json(metadata["tenfold"])
        model = AutoEncoder(config.model)
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise WeightsError(f"weights {path} are damaged or made for another model: {error}") from error
    model.eval().requires_grad_(False)
    return Weights(config=config, model=model, digest=hashlib.sha256(data).digest()[:DIGEST_BYTES])


def weights_bytes(config: WeightsConfig, state: dict[str, Tensor]) -> bytes:
    """A weights file: tensors as float16, config and recipe in its metadata."""
    halves = {name: tensor.detach().to(torch.float16).contiguous() for name, tensor in state.items()}
    return save(halves, metadata={"tenfold": config.model_dump_json()})
