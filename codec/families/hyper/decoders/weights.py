"""The weights file of a decoder: whose payloads it shows, under which name, and its network in float16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, ValidationError
from torch import nn

from codec.errors import WeightsError
from codec.families.hyper import FAMILY
from codec.families.hyper.decoders.kinds import KINDS
from codec.families.hyper.for_payloads import ForPayloadsConfig
from codec.family_weights import read_config
from codec.parts.start_values import without_values
from codec.weights_file import WeightsFile, load_state
from codec.weights_role import DECODER


class DecoderConfig(ForPayloadsConfig):
    """What is needed to use a decoder's weights file, and where it came from."""

    role: Literal["decoder"] = "decoder"
    decoder: str
    """Its name among the codec's decoders, of `codec.families.hyper.decoders.kinds`."""
    generates: bool
    """Whether its pictures show what no payload says."""
    model: dict[str, object] = Field(default={})
    """The shape of its network."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecoderWeights:
    """One loaded decoder, on the CPU."""

    config: DecoderConfig
    network: nn.Module
    digest: bytes
    data: bytes


def understand_decoder(file: WeightsFile) -> DecoderWeights:
    """A weights file as a decoder's network, ready to show latents.

    Raises:
        WeightsError: it is no decoder's, of a kind that this release does not know, or not whole.
    """
    config = read_config(file, DecoderConfig, FAMILY.id, role=DECODER)
    kind = KINDS.get(config.decoder)
    if kind is None:
        raise WeightsError(
            f"expected weights of a decoder of {', '.join(KINDS) or 'another release'}, got those of "
            f"{config.decoder!r} ({file.where}), which this release does not know"
        )
    try:
        model = kind.config.model_validate(config.model)
    except ValidationError as error:
        raise WeightsError(
            f"expected the weights of the decoder {config.decoder} to say what it is, got a config that says "
            f"{error.errors()[0]['msg']} ({file.where})"
        ) from error
    with without_values():  # no memory before it is known to fit
        network = kind.network(model)
    load_state(network, file.tensors, where=file.where)
    return DecoderWeights(config=config, network=network, digest=file.digest, data=file.data)
