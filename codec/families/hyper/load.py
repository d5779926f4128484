"""`hyper-1` with its shipped weights, or with a file of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from codec.families.hyper import FAMILY
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.decoders.weights import understand_decoder
from codec.families.hyper.heads.weights import understand_head
from codec.families.hyper.weights import understand
from codec.family_weights import load_weights, weights_beside

DEFAULT_PRESET: Final = "small"


def load(*, device: torch.device, own: bytes | None, others: Sequence[bytes]) -> HyperCodec:
    """The codec on a device. Implements `codec.registry.Loader`.

    Raises:
        WeightsError: `own` is not this family's, or the shipped weights are missing or damaged.
    """
    found = load_weights(FAMILY, understand, default=DEFAULT_PRESET, own=own, others=others)
    decoders = weights_beside(FAMILY.shipped_decoders, others, understand_decoder, loaded=())
    heads = weights_beside(FAMILY.shipped_heads, others, understand_head, loaded=())
    return HyperCodec(found.own, found.others, decoders=decoders, heads=heads, device=device)
