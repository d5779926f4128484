"""A model's weights file: float networks in float16, the integer network and the tables as the integers they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from codec.entropy.tables import FrequencyTables
from codec.errors import WeightsError
from codec.families.hyper import FAMILY
from codec.families.hyper.config import ModelConfig
from codec.families.hyper.integer_scales import integer_tensors
from codec.families.hyper.model import HyperModel
from codec.families.hyper.scale_network import ACTIVATION_ONE, WEIGHT_ONE
from codec.family_weights import read_config
from codec.parts.quality import levels
from codec.parts.start_values import without_values
from codec.weights_file import WeightsFile, load_state, weights_bytes

_INTEGERS: Final = "integers."


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
    model: HyperModel
    """As it codes: what gives means is rounded as `MeanNetwork.round_weights` says."""
    scales_state: dict[str, Tensor]
    prior_LM: Tensor
    """(64, M) int32: where each channel's table index starts, in 1024ths."""
    hyper_prior_LN: Tensor
    """(64, N) int32: the same for hyper-latents, whose index it is."""
    tables: FrequencyTables
    digest: bytes
    data: bytes


def export(model: HyperModel, tables: FrequencyTables, *, name: str, recipe: dict[str, object]) -> bytes:
    """A weights file of a trained model. The float twins of the integers go along, so that training can go on."""
    integers = _integers_of(model)
    integers["reach"] = torch.from_numpy(tables.reach)
    integers["counts"] = torch.from_numpy(tables.counts)
    state = dict(model.state_dict()) | {_INTEGERS + key: value for key, value in integers.items()}
    config = WeightsConfig(name=name, model=model.config, recipe=recipe)
    return weights_bytes(config.model_dump_json(), state)


def understand(file: WeightsFile) -> Weights:
    """A weights file as a model ready to encode and decode.

    Raises:
        WeightsError: it is another family's, or not whole.
    """
    config = read_config(file, WeightsConfig, FAMILY.id)
    model = _model_in(file, config)
    model.means.round_weights()
    integers = {
        name.removeprefix(_INTEGERS): tensor
        for name, tensor in file.tensors.items()
        if name.startswith(_INTEGERS)
    }
    reach, counts = (integers.pop(name, torch.empty(0)) for name in ("reach", "counts"))
    expected = _kinds(_integers_of(model))
    if _kinds(integers) != expected or (reach.dtype, counts.dtype, counts.dim()) != (
        torch.int32,
        torch.int32,
        1,
    ):
        raise WeightsError(f"weights {file.where} hold other integers than their config asks for")
    return Weights(
        config=config,
        model=model,
        prior_LM=integers.pop("prior"),
        hyper_prior_LN=integers.pop("hyper_prior"),
        scales_state=integers,
        tables=FrequencyTables(reach=reach.numpy(), counts=counts.numpy()),
        digest=file.digest,
        data=file.data,
    )


def as_trained(file: WeightsFile) -> HyperModel:
    """The model of a weights file as training left it: further training begins with it.

    Raises:
        WeightsError: it is another family's, or not whole.
    """
    return _model_in(file, read_config(file, WeightsConfig, FAMILY.id))


def _model_in(file: WeightsFile, config: WeightsConfig) -> HyperModel:
    with without_values():  # no memory before it is known to fit
        model = HyperModel(config.model)
    floats = {name: tensor for name, tensor in file.tensors.items() if not name.startswith(_INTEGERS)}
    load_state(model, floats, where=file.where)
    return model


def _integers_of(model: HyperModel) -> dict[str, Tensor]:
    """What is run of a model as integers: the integer network, and the table index each channel starts from."""
    unit = ACTIVATION_ONE * WEIGHT_ONE
    integers = integer_tensors(model.scales)
    integers["prior"] = (model.prior(levels()).detach() * unit).round().to(torch.int32)
    integers["hyper_prior"] = (model.hyper_prior(levels()).detach() * unit).round().to(torch.int32)
    return integers


def _kinds(tensors: dict[str, Tensor]) -> dict[str, tuple[torch.dtype, torch.Size]]:
    return {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}
