"""The weights file of a smaller encoder: whose payloads it writes, and its deep branch. Its linear path is the
codec's."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Final, Literal

from torch import Tensor

from codec.errors import WeightsError
from codec.families.hyper import FAMILY
from codec.families.hyper.config import EncoderShape
from codec.families.hyper.for_payloads import ForPayloadsConfig
from codec.families.hyper.transforms import Analysis
from codec.families.hyper.weights import Weights
from codec.family_weights import read_config
from codec.weights_file import WeightsFile, load_state, weights_bytes
from codec.weights_role import ENCODER

_OF_THE_CODEC: Final = ("linear.weight", "size")
"""Tensors of an analysis transform that stay the codec's."""


class EncoderConfig(ForPayloadsConfig):
    """What is needed to use an encoder's weights file, and where it came from."""

    role: Literal["encoder"] = "encoder"
    model: EncoderShape


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncoderWeights:
    """One encoder's file, read and not yet joined to its codec."""

    config: EncoderConfig
    file: WeightsFile

    def in_place_of_its_own(self, codec: Weights) -> Weights:
        """A codec that encodes by this: everything else of it stays.

        Raises:
            WeightsError: it writes payloads of other weights, or is not whole.
        """
        if self.config.codec_digest != codec.digest:
            raise WeightsError(
                f"expected an encoder of payloads of weights {codec.digest.hex()}, got one of "
                f"{self.config.payloads_of} ({self.file.where}); train one with `codec:` set to these weights"
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
    analysis: Analysis, *, payloads_of: bytes, shape: EncoderShape, name: str, recipe: dict[str, object]
) -> bytes:
    """A weights file of a trained encoder."""
    config = EncoderConfig(payloads_of=payloads_of.hex(), name=name, model=shape, recipe=recipe)
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
