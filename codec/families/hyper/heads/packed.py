"""Weights of a head in a byte each: every row of a matrix, or kernel, as integers and what they are multiplied by.

A classifier has many weights, of one size within a row. Depthwise kernels and biases are few, and stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from codec.errors import WeightsError

_SCALE: Final = ".scale"
_MOST: Final = 127.0


def packed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those that are matrices, dense kernels among them, in int8 beside their scales; the others as they are."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if not (name.endswith(".weight") and tensor.dim() > 1 and tensor.shape[1] > 1):
            found[name] = tensor
            continue
        rows = tensor.flatten(1)
        scale = (rows.abs().amax(1) / _MOST).half().float()  # as the file has it
        steps = rows / torch.where(scale > 0.0, scale, 1.0)[:, None]
        found[name] = steps.round().clamp(-_MOST, _MOST).to(torch.int8).view(tensor.shape)
        found[name + _SCALE] = scale
    return found


def unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse, in float32.

    Raises:
        WeightsError: a tensor has another number of rows than scales.
    """
    found = {name: tensor.float() for name, tensor in tensors.items() if not name.endswith(_SCALE)}
    for name, scale in tensors.items():
        if (of := name.removesuffix(_SCALE)) != name and of in found:
            if scale.shape != found[of].shape[:1]:
                raise WeightsError(
                    f"expected a scale for each row of {of}, got {tuple(scale.shape)} for {tuple(found[of].shape)}"
                )
            found[of] = (found[of].flatten(1) * scale.float()[:, None]).view(found[of].shape)
    return found
