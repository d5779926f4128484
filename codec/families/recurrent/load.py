"""`recurrent-1` with its shipped weights, or with a file of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from codec.families.recurrent import FAMILY
from codec.families.recurrent.codec import RecurrentCodec
from codec.families.recurrent.weights import understand
from codec.family_weights import load_weights

DEFAULT_PRESET: Final = "small"


def load(*, device: torch.device, own: bytes | None, others: Sequence[bytes]) -> RecurrentCodec:
    """The codec on a device. Implements `codec.registry.Loader`.

    Raises:
        WeightsError: `own` is not this family's, or the shipped weights are missing or damaged.
    """
    found = load_weights(FAMILY, understand, default=DEFAULT_PRESET, own=own, others=others)
    return RecurrentCodec(found.own, found.others, device=device)
