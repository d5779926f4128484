"""A weights file: the networks in float16, and which file lies between them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from codec.families.standard import FAMILY
from codec.families.standard.config import ModelConfig
from codec.families.standard.model import StandardModel
from codec.family_weights import read_config
from codec.parts.start_values import without_values
from codec.weights_file import WeightsFile, load_state, weights_bytes


class WeightsConfig(BaseModel):
    """What is needed to use a weights file, and where it came from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: str = FAMILY.id
    name: str
    """Of the preset: `compact`."""
    model: ModelConfig
    recipe: dict[str, object] = {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """One loaded model, on the CPU."""

    config: WeightsConfig
    model: StandardModel
    digest: bytes
    """First 8 bytes of the file's sha256."""
    data: bytes
    """The file."""


def export(model: StandardModel, *, name: str, recipe: dict[str, object]) -> bytes:
    """A weights file of a trained model."""
    config = WeightsConfig(name=name, model=model.config, recipe=recipe)
    return weights_bytes(config.model_dump_json(), model.state_dict())


def understand(file: WeightsFile) -> Weights:
    """A weights file as a float32 model in evaluation mode, on the CPU.

    Raises:
        WeightsError: it is another family's, or made for another model.
    """
    config = read_config(file, WeightsConfig, FAMILY.id)
    with without_values():
        model = StandardModel(config.model)
    load_state(model, file.tensors, where=file.where)
    return Weights(config=config, model=model, digest=file.digest, data=file.data)
