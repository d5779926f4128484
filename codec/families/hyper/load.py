"""`hyper-1` with its shipped weights, or with a file of one's own."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.weights import load_own, understand
from codec.weights_file import understood


def load(*, device: torch.device, own: bytes | None, others: Sequence[bytes]) -> HyperCodec:
    """The codec on a device. Implements `codec.registry.Loader`.

    Raises:
        WeightsError: `own` is not this family's, or the shipped weights are missing or damaged.
    """
    return HyperCodec(load_own(own), understood(others, understand), device=device)
