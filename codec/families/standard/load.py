"""`standard-1` with its shipped presets, or with a weights file of one's own to encode with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from codec.families.standard import FAMILY
from codec.families.standard.codec import StandardCodec
from codec.families.standard.weights import Weights, understand
from codec.weights_file import SUFFIX, parse_weights, read_weights, understood

DEFAULT_PRESET: Final = "compact"


def load(*, device: torch.device, own: bytes | None, others: Sequence[bytes]) -> StandardCodec:
    """The codec on a device. Implements `codec.registry.Loader`. It decodes what any shipped preset made.

    Raises:
        WeightsError: `own` is not this family's, or the shipped weights are missing or damaged.
    """
    shipped = {
        path.stem: understand(read_weights(path)) for path in sorted(FAMILY.shipped.glob(f"*{SUFFIX}"))
    }
    chosen = (
        _default(shipped) if own is None else understand(parse_weights(own, where="given to encode with"))
    )
    return StandardCodec(chosen, [*shipped.values(), *understood(others, understand)], device=device)


def _default(shipped: dict[str, Weights]) -> Weights:
    """The preset of who names none."""
    if DEFAULT_PRESET in shipped:
        return shipped[DEFAULT_PRESET]
    return understand(read_weights(FAMILY.weights_path(DEFAULT_PRESET)))  # says that it is missing
