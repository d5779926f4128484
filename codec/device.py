"""The device a name stands for."""

from __future__ import annotations

import torch

from codec.errors import CodecConfigError


def resolve_device(device: str) -> torch.device:
    """The device a name stands for.

    Raises:
        CodecConfigError: it is not auto, cpu, cuda or cuda:n, or is not present.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise CodecConfigError(f"expected device auto, cpu, cuda or cuda:n; got {device!r}") from error
    if chosen.type not in ("cpu", "cuda"):
        raise CodecConfigError(f"expected device auto, cpu, cuda or cuda:n; got {device!r}")
    if chosen.type == "cuda" and (
        not torch.cuda.is_available() or (chosen.index or 0) >= torch.cuda.device_count()
    ):
        raise CodecConfigError(
            f"device {device!r} is not here: torch sees {torch.cuda.device_count()} CUDA devices"
        )
    return chosen
