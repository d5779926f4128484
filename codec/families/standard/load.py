"""`standard-1` with its shipped presets, or with a weights file of one's own to encode with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from codec.families.standard import FAMILY
from codec.families.standard.codec import StandardCodec
from codec.families.standard.weights import understand
from codec.family_weights import load_weights

DEFAULT_PRESET: Final = "compact"


def load(*, device: torch.device, own: bytes | None, others: Sequence[bytes]) -> StandardCodec:
    """The codec on a device. Implements `codec.registry.Loader`.

    Raises:
        WeightsError: `own` is not this family's, or the shipped weights are missing or damaged.
    """
    found = load_weights(FAMILY, understand, default=DEFAULT_PRESET, own=own, others=others)
    return StandardCodec(found.own, found.others, device=device)
