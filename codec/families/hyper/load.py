"""`hyper-1` with its shipped weights, or with a file of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from codec.errors import WeightsError
from codec.families.hyper import FAMILY
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.decoders.weights import understand_decoder
from codec.families.hyper.encoders.weights import EncoderWeights, understand_encoder
from codec.families.hyper.heads.weights import understand_head
from codec.families.hyper.weights import Weights, understand
from codec.family_weights import LoadedWeights, load_weights, weights_beside
from codec.weights_file import config_of, parse_weights
from codec.weights_role import ENCODER, said_by

DEFAULT_PRESET: Final = "small"
_GIVEN: Final = "given to encode with"


def load(*, device: torch.device, own: bytes | None, others: Sequence[bytes]) -> HyperCodec:
    """The codec on a device. Implements `codec.registry.Loader`. It also encodes with the file of a smaller encoder.

    Raises:
        WeightsError: `own` is not this family's, or an encoder of weights that are not at hand; or the shipped weights
            are missing or damaged.
    """
    if own is not None and _is_encoder(own):
        encoder = understand_encoder(parse_weights(own, where=_GIVEN))
        found = _with_encoder(
            encoder, load_weights(FAMILY, understand, default=DEFAULT_PRESET, own=None, others=others)
        )
    else:
        found = load_weights(FAMILY, understand, default=DEFAULT_PRESET, own=own, others=others)
    decoders = weights_beside(FAMILY.shipped_decoders, others, understand_decoder, loaded=())
    heads = weights_beside(FAMILY.shipped_heads, others, understand_head, loaded=())
    return HyperCodec(found.own, found.others, decoders=decoders, heads=heads, device=device)


def _is_encoder(data: bytes) -> bool:
    return said_by(config_of(data, where=_GIVEN), where=_GIVEN).get("role") == ENCODER


def _with_encoder(encoder: EncoderWeights, loaded: LoadedWeights[Weights]) -> LoadedWeights[Weights]:
    """The weights that an encoder writes payloads of, to encode with; the others to decode with."""
    every = {one.digest: one for one in (loaded.own, *loaded.others)}
    codec = every.pop(encoder.config.codec_digest, None)
    if codec is None:
        raise WeightsError(
            f"expected the weights {encoder.config.payloads_of}, whose payloads the encoder {encoder.config.name} "
            f"writes, among those that ship or are given beside it; got {', '.join(digest.hex() for digest in every)}"
        )
    return LoadedWeights(own=encoder.in_place_of_its_own(codec), others=list(every.values()))
