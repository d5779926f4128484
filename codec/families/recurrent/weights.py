"""A model's weights file: float networks in float16, and the counts that its contexts begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from pydantic import BaseModel, ConfigDict

from codec.entropy.adaptive_bits import Counts
from codec.errors import WeightsError
from codec.families.recurrent import FAMILY
from codec.families.recurrent.config import ModelConfig
from codec.families.recurrent.contexts import PER_ITERATION
from codec.families.recurrent.model import RecurrentModel
from codec.family_weights import read_config
from codec.parts.start_values import without_values
from codec.weights_file import WeightsFile, load_state, weights_bytes

_COUNTS: Final = "counts"


class WeightsConfig(BaseModel):
    """What is needed to use a weights file, and where it came from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: str = FAMILY.id
    name: str
    """For people: `small`."""
    model: ModelConfig
    recipe: dict[str, object] = {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """One loaded model, on the CPU."""

    config: WeightsConfig
    model: RecurrentModel
    counts: Counts
    digest: bytes
    data: bytes


def export(model: RecurrentModel, counts: Counts, *, name: str, recipe: dict[str, object]) -> bytes:
    """A weights file of a trained model."""
    config = WeightsConfig(name=name, model=model.config, recipe=recipe)
    return weights_bytes(config.model_dump_json(), model.state_dict() | {_COUNTS: torch.from_numpy(counts)})


def understand(file: WeightsFile) -> Weights:
    """A weights file as a model ready to encode and decode.

    Raises:
        WeightsError: it is another family's, or not whole.
    """
    config = read_config(file, WeightsConfig, FAMILY.id)
    tensors = dict(file.tensors)
    counts = tensors.pop(_COUNTS, torch.empty(0))
    if (counts.dtype, tuple(counts.shape)) != (torch.uint8, (config.model.iterations * PER_ITERATION, 2)):
        raise WeightsError(f"weights {file.where} hold other counts than their config asks for")
    if not bool((counts > 0).all()):
        raise WeightsError(f"weights {file.where} hold a count of 0")
    with without_values():  # no memory before it is known to fit
        model = RecurrentModel(config.model)
    load_state(model, tensors, where=file.where)
    return Weights(config=config, model=model, counts=counts.numpy(), digest=file.digest, data=file.data)
