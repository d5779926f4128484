"""`recurrent-1` with its shipped weights, or with a file of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from codec.families.recurrent import FAMILY
from codec.families.recurrent.codec import RecurrentCodec
from codec.families.recurrent.weights import understand
from codec.weights_file import given_or_shipped, understood

DEFAULT_PRESET: Final = "small"


def load(*, device: torch.device, own: bytes | None, others: Sequence[bytes]) -> RecurrentCodec:
    """The codec on a device. Implements `codec.registry.Loader`.

    Raises:
        WeightsError: `own` is not this family's, or the shipped weights are missing or damaged.
    """
    file = given_or_shipped(own, FAMILY.weights_path(DEFAULT_PRESET))
    return RecurrentCodec(understand(file), understood(others, understand), device=device)
