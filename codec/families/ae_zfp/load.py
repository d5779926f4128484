"""`ae-zfp-1` with its five shipped presets."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from codec.contract import DEFAULT_CODEC
from codec.errors import CodecConfigError
from codec.families.ae_zfp import FAMILY
from codec.families.ae_zfp.codec import AutoEncoderZfp
from codec.families.ae_zfp.weights import understand
from codec.weights_file import understood


def load(*, device: torch.device, own: bytes | None, others: Sequence[bytes]) -> AutoEncoderZfp:
    """The codec on a device. Implements `codec.registry.Loader`.

    Raises:
        CodecConfigError: `own` is given: one file cannot stand in for five presets.
        WeightsError: a shipped preset is missing or damaged.
    """
    if own is not None:
        raise CodecConfigError(
            f"{FAMILY.id} takes no --weights: --quality or --ratio chooses among its shipped presets. Weights of your "
            f"own: --codec {DEFAULT_CODEC}"
        )
    return AutoEncoderZfp(device=device, further=understood(others, understand))
