"""Which float type the deep branches run in: bfloat16 where the chip multiplies it natively, float32 elsewhere.

Only corrections and means are computed in it. The linear paths, which carry the image, are float32 everywhere, and the
tables come from integers.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

import torch


@cache
def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products are native on a device."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


def fast(device: torch.device) -> AbstractContextManager[object]:
    """Run what is inside in bfloat16 where that is native, else in float32, whatever is in force around it."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device))
