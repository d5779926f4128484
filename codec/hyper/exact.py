"""The integer network, exactly: which table codes each symbol, the same on every machine.

Integers in float64 tensors. Weights are at most 127, activations at most 255, layers at most a few thousand wide, so
every sum stays far below 2^53: whatever the order of summation, with or without fused multiply-add, on a CPU or a GPU,
the result is the same. Products are matrix products and shifted sums, never convolutions, some of which (Winograd,
TF32) are not exact. Units are those of `scales.py`: activations in sixteenths, weights in sixty-fourths, sums in
1024ths.

Shape legend: z_uvN hyper-latents; s_hwS features, uint8; r_hwM symbols; k_hwM table indices, uint8.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cache
from typing import Final

import torch
from torch import Tensor

from codec.hyper.config import ModelConfig
from codec.hyper.lattice import WHOLE, Lattice
from codec.hyper.quality import SIXTEENTHS
from codec.hyper.scales import (
    ACTIVATION_ONE,
    HEAD_GAIN,
    TABLES,
    WEIGHT_ONE,
    Z_LIMIT,
    ScaleNetwork,
    whole_weights,
)

_SUM_ONE: Final = ACTIVATION_ONE * WEIGHT_ONE
SYMBOL_LIMIT: Final = 32767


def integer_tensors(network: ScaleNetwork) -> dict[str, Tensor]:
    """The network's weights as the integers that will be run: int8 weights, int32 biases and shifts per level."""
    tensors: dict[str, Tensor] = {}
    levels = torch.arange(64.0)
    for name, parameter in network.named_parameters():
        owner, _, kind = name.rpartition(".")
        if kind == "weight":
            tensors[name] = whole_weights(parameter.detach()).to(torch.int8)
        elif kind == "bias":
            tensors[name] = (parameter.detach() * _SUM_ONE).round().to(torch.int32)
        else:
            table = network.get_submodule(owner)
            tensors[owner] = (table(levels).detach() * _SUM_ONE).round().to(torch.int32)
    return tensors


class ExactScales:
    """The integer network of one model, on one device."""

    def __init__(
        self, config: ModelConfig, tensors: dict[str, Tensor], prior_LM: Tensor, device: torch.device
    ) -> None:
        """Take the tensors that `integer_tensors` made, and the index each channel starts from at each level."""
        self._tensors = {name: tensor.to(device, torch.float64) for name, tensor in tensors.items()}
        self._prior_LM = prior_LM.to(device, torch.float64)
        self._passes = config.passes
        self._magnitudes = _magnitude_table().to(device)

    def features(self, z_uvN: Tensor) -> Tensor:
        """Hyper-latents (integers) -> (4 u, 4 v, S) uint8."""
        a = z_uvN.to(torch.float64).clamp(-Z_LIMIT, Z_LIMIT) * ACTIVATION_ONE
        a = _split(_activation(self._dense("rise_in", a)))
        a = _activation(self._depthwise("smooth_in", a))
        a = _split(_activation(self._dense("rise_out", a)))
        return _activation(self._depthwise("smooth_out", a)).to(torch.uint8)

    def magnitudes(self, r_hwM: Tensor) -> Tensor:
        """round(16 log2(1 + |r|)), uint8."""
        return self._magnitudes[r_hwM.long().abs()]

    def indices(self, number: int, s_hwS: Tensor, m_hwM: Tensor, sixteenths: int, lattice: Lattice) -> Tensor:
        """Table indices of pass `number` at the positions of its lattice, (h', w', M of the pass) uint8, from
        features and earlier magnitudes."""
        a = s_hwS[lattice.rows, lattice.columns].to(torch.float64)
        if number:
            context = _activation(self._dense(f"gather.{number - 1}", m_hwM.to(torch.float64)))
            a = torch.cat((a, _activation(self._depthwise(f"spread.{number - 1}", context, lattice))), -1)
        shift = at_level(self._tensors[f"shift.{number}"], sixteenths)
        hidden = _activation(self._dense(f"mix.{number}", a) + shift)
        prior = at_level(self._prior_LM[:, self._passes[number].channels], sixteenths)
        sums = self._dense(f"head.{number}", hidden) * HEAD_GAIN + prior
        return torch.floor((sums + _SUM_ONE // 2) / _SUM_ONE).clamp_(0, TABLES - 1).to(torch.uint8)

    def _dense(self, name: str, a_hwI: Tensor) -> Tensor:
        weight_OI = self._tensors[f"{name}.weight"][:, :, 0, 0]
        return a_hwI @ weight_OI.T + self._tensors[f"{name}.bias"]

    def _depthwise(self, name: str, a_hwS: Tensor, lattice: Lattice = WHOLE) -> Tensor:
        """3x3, zeros beyond the edges, as nine shifted sums."""
        weight_S33 = self._tensors[f"{name}.weight"][:, 0]
        height, width, channels = a_hwS.shape
        padded = a_hwS.new_zeros(height + 2, width + 2, channels)
        padded[1:-1, 1:-1] = a_hwS
        sums = self._tensors[f"{name}.bias"].expand(*lattice.shape(height, width), channels).clone()
        for row in range(3):
            for column in range(3):
                shifted = padded[row : row + height, column : column + width][lattice.rows, lattice.columns]
                sums.addcmul_(shifted, weight_S33[:, row, column])
        return sums


def at_level(table_LC: Tensor, sixteenths: int) -> Tensor:
    """A table of whole numbers per level at a quality in sixteenths of a level: exact, rounded down."""
    level, share = divmod(sixteenths, SIXTEENTHS)
    if not share:
        return table_LC[level]
    return torch.floor((table_LC[level] * (SIXTEENTHS - share) + table_LC[level + 1] * share) / SIXTEENTHS)


def _activation(sums: Tensor) -> Tensor:
    """1024ths -> 0 to 255 sixteenths, half up."""
    return sums.add_(WEIGHT_ONE // 2).div_(WEIGHT_ONE).floor_().clamp_(0, 255)


def _split(a_uvF: Tensor) -> Tensor:
    """`patches.split`, channels last."""
    height, width, channels = a_uvF.shape
    parts = a_uvF.view(height, width, 2, channels // 2).transpose(1, 2)
    return parts.reshape(2 * height, 2 * width, channels // 4)


@cache
def _magnitude_table() -> Tensor:
    """round(16 log2(1 + n)) for n to SYMBOL_LIMIT, uint8: the largest v with (1 + n)^32 >= 2^(2 v - 1)."""
    numbers = range(SYMBOL_LIMIT + 1)
    begins = [
        bisect_left(numbers, 2 ** (2 * value - 1), key=lambda n: (1 + n) ** 32) for value in range(1, 256)
    ]
    return torch.bucketize(torch.arange(SYMBOL_LIMIT + 1), torch.tensor(begins), right=True).to(torch.uint8)
