"""The weights file of a smaller encoder: whose payloads it writes, and its deep branch. Its linear path is the
codec's."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from codec.errors import WeightsError
from codec.families.hyper import FAMILY
from codec.families.hyper.config import EncoderShape
from codec.families.hyper.transforms import Analysis
from codec.families.hyper.weights import Weights
from codec.family_weights import read_config
from codec.weights_file import WeightsFile, load_state, weights_bytes
from codec.weights_role import ENCODER

_OF_THE_CODEC: Final = ("linear.weight", "size")
"""Tensors of an analysis transform that stay the codec's."""


class EncoderConfig(BaseModel):
    """What is needed to use an encoder's weights file, and where it came from."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, serialize_by_alias=True)

    family: Literal["hyper-1"] = "hyper-1"
    role: Literal["encoder"] = "encoder"
    writes: str = Field(validation_alias="for", serialization_alias="for", pattern="[0-9a-f]{16}")
    """Digest of the weights whose payloads it writes, hexadecimal."""
    name: str
    """For people: `quick`."""
    model: EncoderShape
    recipe: dict[str, object] = {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncoderWeights:
    """One encoder's file, read and not yet joined to its codec."""

    config: EncoderConfig
    file: WeightsFile

    @property
    def writes(self) -> bytes:
        """Digest of the weights whose payloads it writes."""
        return bytes.fromhex(self.config.writes)

    def in_place_of_its_own(self, codec: Weights) -> Weights:
        """A codec that encodes by this: everything else of it stays.

        Raises:
            WeightsError: it writes payloads of other weights, or is not whole.
        """
        if self.writes != codec.digest:
            raise WeightsError(
                f"expected an encoder of payloads of weights {codec.digest.hex()}, got one of {self.config.writes} "
                f"({self.file.where}); train one with `codec:` set to these weights"
            )
        analysis = Analysis(codec.config.model, self.config.model)
        state = codec.model.analysis.state_dict()
        tensors = {name: state[name] for name in _OF_THE_CODEC} | self.file.tensors
        load_state(analysis, tensors, where=self.file.where)
        return with_encoder(codec, analysis)


def with_encoder(codec: Weights, analysis: Analysis) -> Weights:
    """A codec that encodes by another analysis transform."""
    model = copy.copy(codec.model)
    model.__dict__["_modules"] = model._modules | {"analysis": analysis}
    return replace(codec, model=model)


def export_encoder(
    analysis: Analysis, *, writes: bytes, shape: EncoderShape, name: str, recipe: dict[str, object]
) -> bytes:
    """A weights file of a trained encoder."""
    config = EncoderConfig(writes=writes.hex(), name=name, model=shape, recipe=recipe)
    tensors: dict[str, Tensor] = {
        key: tensor for key, tensor in analysis.state_dict().items() if key not in _OF_THE_CODEC
    }
    return weights_bytes(config.model_dump_json(), tensors)


def understand_encoder(file: WeightsFile) -> EncoderWeights:
    """A weights file as an encoder's.

    Raises:
        WeightsError: it is no encoder's of this family.
    """
    return EncoderWeights(config=read_config(file, EncoderConfig, FAMILY.id, role=ENCODER), file=file)
