"""From a codec's id to a codec with its weights loaded."""

from __future__ import annotations

from typing import Final

import torch

from codec.ae_zfp.codec import FAMILY, AutoEncoderZfp
from codec.contract import Codec
from codec.errors import ConfigError, UnknownCodecError

DEFAULT_CODEC: Final = FAMILY


def codec_ids() -> list[str]:
    """Ids that `load_codec` takes."""
    return [FAMILY]


def load_codec(codec_id: str = DEFAULT_CODEC, *, device: str = "auto") -> Codec:
    """A codec with its shipped weights, resident on `device`: auto (a GPU when there is one), cpu, cuda, cuda:n.

    Raises:
        UnknownCodecError: no codec has that id.
        ConfigError: there is no such device here.
        WeightsError: the shipped weights are missing or damaged.
    """
    if codec_id not in codec_ids():
        raise UnknownCodecError(f"expected a codec of {', '.join(codec_ids())}; got {codec_id!r}")
    return AutoEncoderZfp(device=resolve_device(device))


def resolve_device(device: str) -> torch.device:
    """The device a name stands for.

    Raises:
        ConfigError: it is not auto, cpu, cuda or cuda:n, or is not present.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(f"expected device auto, cpu, cuda or cuda:n; got {device!r}") from error
    if chosen.type not in ("cpu", "cuda"):
        raise ConfigError(f"expected device auto, cpu, cuda or cuda:n; got {device!r}")
    if chosen.type == "cuda" and (
        not torch.cuda.is_available() or (chosen.index or 0) >= torch.cuda.device_count()
    ):
        raise ConfigError(
            f"device {device!r} is not here: torch sees {torch.cuda.device_count()} CUDA devices"
        )
    return chosen
