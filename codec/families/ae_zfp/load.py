"""`ae-zfp-1` with its shipped presets, or with one model of the user's."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from codec.families.ae_zfp.codec import AutoEncoderZfp
from codec.families.ae_zfp.weights import understand
from codec.weights_file import parse_weights


def load(*, device: torch.device, own: bytes | None, others: Sequence[bytes]) -> AutoEncoderZfp:
    """The codec on a device. Implements `codec.registry.Loader`.

    Raises:
        WeightsError: a shipped preset is missing or damaged, or `own` is not of this family.
    """
    return AutoEncoderZfp(
        device=device,
        own=None if own is None else understand(parse_weights(own, where="given to encode with")),
        others=others,
    )
