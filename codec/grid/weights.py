"""A weights file of the grid: a network in float16, its tables as the integers they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
from pydantic import BaseModel, ConfigDict, ValidationError

from codec.entropy.factorised import FactorisedModel
from codec.entropy.tables import FrequencyTables
from codec.errors import WeightsError
from codec.family_weights import read_config
from codec.grid.model import GridModel
from codec.grid.network import GridFamily
from codec.parts.start_values import without_values
from codec.weights_file import WeightsFile, load_state, weights_bytes

_TABLES: Final = {"tables.index": torch.uint8, "tables.reach": torch.int32, "tables.counts": torch.int32}


class WeightsConfig(BaseModel):
    """What a weights file says of itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: str
    name: str
    """Of the preset."""
    network: dict[str, Any]
    """What `GridFamily.config` understands."""
    recipe: dict[str, Any] = {}
    """How it came to be."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridWeights:
    """One weights file, on the CPU."""

    config: WeightsConfig
    model: GridModel
    entropy: FactorisedModel
    digest: bytes
    data: bytes


def export(model: GridModel, entropy: FactorisedModel, config: WeightsConfig) -> bytes:
    """A weights file of a trained model."""
    tables = (entropy.index_LC, entropy.tables.reach, entropy.tables.counts)
    integers = {name: torch.from_numpy(table) for name, table in zip(_TABLES, tables, strict=True)}
    return weights_bytes(config.model_dump_json(), model.state_dict() | integers)


def understand(file: WeightsFile, family: GridFamily) -> GridWeights:
    """A weights file as a model in evaluation mode.

    Raises:
        WeightsError: it is another family's, or not whole.
    """
    config = read_config(file, WeightsConfig, family.id)
    try:
        network = family.config.validate_python(config.network)
    except ValidationError as error:
        raise WeightsError(
            f"weights {file.where} are not of {family.id}: {error.errors()[0]['msg']}"
        ) from error
    tensors = dict(file.tensors)
    integers = [tensors.pop(name, torch.empty(0)) for name in _TABLES]
    if [table.dtype for table in integers] != list(_TABLES.values()):
        raise WeightsError(f"expected tables of whole numbers in the weights {file.where}; they are damaged")
    with without_values():  # no memory before it is known to fit
        model = GridModel(family.build(network))
    load_state(model, tensors, where=file.where)
    index, reach, counts = (table.numpy() for table in integers)
    entropy = FactorisedModel(tables=FrequencyTables(reach=reach, counts=counts), index_LC=index)
    if entropy.index_LC.shape[1] != model.network.channels:
        raise WeightsError(f"weights {file.where} have tables for another number of channels")
    return GridWeights(config=config, model=model, entropy=entropy, digest=file.digest, data=file.data)
