"""The integer network, exactly: which table codes each symbol, the same on every machine.

Integers, or integers over a power of two, in float tensors: float32 where no sum that a layer's weights allow reaches
2^24 of its smallest parts, float64 where one could. So whatever the order of summation, with or without fused
multiply-add, on a CPU or a GPU, the result is the same; and since weights are at most 127 and activations at most 255,
which bfloat16 and TF32 hold as they are, it stays the same where a host lets float32 products run in those. Products
are matrix products and shifted sums, never convolutions, some of which (Winograd) are not exact. Units are those of
`scale_network.py`: activations in sixteenths, weights in sixty-fourths, sums in 1024ths.

Shape legend: z_BuvN hyper-latents of B images; s_BhwS features, uint8; r_BhwM symbols; m_BhwM their magnitudes, uint8.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import torch
from torch import Tensor

from codec.contract import SIXTEENTHS
from codec.entropy.tables import SYMBOL_LIMIT, TABLES
from codec.families.hyper.config import ModelConfig
from codec.families.hyper.scale_network import (
    ACTIVATION_ONE,
    HEAD_GAIN,
    WEIGHT_ONE,
    Z_LIMIT,
    ScaleNetwork,
    whole_weights,
)
from codec.parts.image_quality import QualityGrid
from codec.parts.lattice import WHOLE, Lattice
from codec.parts.quality import levels

_SUM_ONE: Final = ACTIVATION_ONE * WEIGHT_ONE
_ACTIVATION_LIMIT: Final = 255
_FLOAT32_LIMIT: Final = 2**24
"""Below it, float32 holds every whole number."""


def integer_tensors(network: ScaleNetwork) -> dict[str, Tensor]:
    """The network's weights as the integers that will be run: int8 weights, int32 biases and shifts per level."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in network.named_parameters():
        owner, _, kind = name.rpartition(".")
        if kind == "weight":
            tensors[name] = whole_weights(parameter.detach()).to(torch.int8)
        elif kind == "bias":
            tensors[name] = (parameter.detach() * _SUM_ONE).round().to(torch.int32)
        else:
            table = network.get_submodule(owner)
            tensors[owner] = (table(levels()).detach() * _SUM_ONE).round().to(torch.int32)
    return tensors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Layer:
    """One layer in units of what it gives, and half of one added: rounding half up is to floor.

    Both are divided by a power of two, which floats do exactly.
    """

    weight: Tensor
    """(I, O) of a 1x1 layer, (3, 3, S) of a 3x3 one."""
    bias: Tensor

    @classmethod
    def of(
        cls,
        weight: Tensor,
        bias: Tensor,
        more: Tensor | None,
        *,
        inputs: int,
        gain: int,
        unit: int,
        device: torch.device,
    ) -> _Layer:
        """From integers: `gain` of their sums, of which `unit` make one; for inputs up to `inputs`, and with `more`
        (..., O) added to the bias when it runs."""
        within = weight[:, :, 0, 0].T if weight.shape[-1] == 1 else weight[:, 0].permute(1, 2, 0)
        within, bias = within.double() * gain, bias.double() * gain + unit // 2
        largest_O = inputs * within.abs().flatten(0, -2).sum(0) + bias.abs()
        if more is not None:
            largest_O += more.double().abs().amax(0)
        kind = torch.float32 if float(largest_O.max()) < _FLOAT32_LIMIT else torch.float64
        return cls(weight=(within / unit).contiguous().to(device, kind), bias=(bias / unit).to(device, kind))


class ExactScales:
    """The integer network of one model, on one device."""

    def __init__(
        self, config: ModelConfig, tensors: dict[str, Tensor], prior_LM: Tensor, device: torch.device
    ) -> None:
        """Take the tensors that `integer_tensors` made, and the index each channel starts from at each level."""
        self._passes = config.passes
        shifts_LS = [tensors[f"shift.{number}"].double() for number in range(len(self._passes))]
        added = {f"mix.{number}": shift_LS for number, shift_LS in enumerate(shifts_LS)}
        added |= {f"head.{number}": prior_LM[:, one.channels] for number, one in enumerate(self._passes)}
        self._layers = {}
        for name in (key.removesuffix(".weight") for key in tensors if key.endswith(".weight")):
            gain, unit = (HEAD_GAIN, _SUM_ONE) if name.startswith("head.") else (1, WEIGHT_ONE)
            self._layers[name] = _Layer.of(
                tensors[f"{name}.weight"],
                tensors[f"{name}.bias"],
                added.get(name),
                inputs=Z_LIMIT * ACTIVATION_ONE if name == "rise_in" else _ACTIVATION_LIMIT,
                gain=gain,
                unit=unit,
                device=device,
            )
        self._shifts_LS = [shift_LS.to(device) for shift_LS in shifts_LS]
        self._prior_LM = prior_LM.to(device, torch.float64)
        self._magnitudes = _magnitude_table().to(device)

    def features(self, z_BuvN: Tensor) -> Tensor:
        """Hyper-latents (integers) -> (B, 4 u, 4 v, S) uint8."""
        a = z_BuvN.clamp(-Z_LIMIT, Z_LIMIT) * ACTIVATION_ONE
        a = _split(_activation(self._dense("rise_in", a)))
        a = _activation(self._depthwise("smooth_in", a))
        a = _split(_activation(self._dense("rise_out", a)))
        return _activation(self._depthwise("smooth_out", a)).to(torch.uint8)

    def magnitudes(self, r_BhwM: Tensor) -> Tensor:
        """round(16 log2(1 + |r|)), uint8."""
        return looked_up(self._magnitudes, r_BhwM.abs())

    def indices(
        self, number: int, s_BhwS: Tensor, m_BhwM: Tensor, qualities: QualityGrid, lattice: Lattice
    ) -> Tensor:
        """Table indices of pass `number` at the positions of its lattice, (B, h', w', M of the pass) uint8, from
        features and earlier magnitudes, at the qualities of the same positions."""
        a = s_BhwS[:, lattice.rows, lattice.columns]
        if number:
            context = _activation(self._dense(f"gather.{number - 1}", m_BhwM))
            near = _activation(self._depthwise(f"spread.{number - 1}", context, lattice))
            a = torch.cat((a.to(near.dtype), near), -1)
        here, levels_K = qualities.on(lattice), qualities.sixteenths_K
        shift_KS = at_level(self._shifts_LS[number], levels_K) / WEIGHT_ONE
        hidden = _activation(self._dense(f"mix.{number}", a, here.field(shift_KS)))
        prior_KC = at_level(self._prior_LM[:, self._passes[number].channels], levels_K) / _SUM_ONE
        found = self._dense(f"head.{number}", hidden, here.field(prior_KC))
        return found.clamp_(0, TABLES - 1).to(torch.uint8)  # which floors

    def _dense(self, name: str, a_BhwI: Tensor, more: Tensor | None = None) -> Tensor:
        """The sums, with `more` added that broadcasts to them."""
        weight, bias = self._layers[name].weight, self._layers[name].bias
        is_shared = more is not None and more.numel() == more.shape[-1]
        with torch.autocast(weight.device.type, enabled=False):  # whatever is in force around it
            if more is not None and is_shared:
                bias = (bias + more.flatten()).to(weight.dtype)
            sums = torch.addmm(bias, a_BhwI.flatten(0, 2).to(weight.dtype), weight)
            sums = sums.view(*a_BhwI.shape[:3], -1)
        if more is not None and not is_shared:
            sums += more.to(weight.dtype)
        return sums

    def _depthwise(self, name: str, a_BhwS: Tensor, lattice: Lattice = WHOLE) -> Tensor:
        """3x3, zeros beyond the edges, as nine shifted sums."""
        layer = self._layers[name]
        images, height, width, channels = a_BhwS.shape
        padded = layer.weight.new_zeros(images, height + 2, width + 2, channels)
        padded[:, 1:-1, 1:-1] = a_BhwS
        sums = layer.bias.expand(images, *lattice.shape(height, width), channels).clone()
        for row in range(3):
            for column in range(3):
                shifted = padded[:, row : row + height, column : column + width]
                sums.addcmul_(shifted[:, lattice.rows, lattice.columns], layer.weight[row, column])
        return sums


def at_level(table_LC: Tensor, sixteenths_B: Tensor) -> Tensor:
    """A table of whole numbers per level at qualities in sixteenths of a level, (B, C): exact, rounded down."""
    level_B, share_B = sixteenths_B // SIXTEENTHS, sixteenths_B % SIXTEENTHS
    below_BC, above_BC = table_LC[level_B], table_LC[(level_B + 1).clamp_(max=len(table_LC) - 1)]
    share_B1 = share_B[:, None]
    return torch.floor((below_BC * (SIXTEENTHS - share_B1) + above_BC * share_B1) / SIXTEENTHS)


def looked_up(table_K: Tensor, keys: Tensor) -> Tensor:
    """`table_K[keys]`, in a third of the time."""
    return table_K.index_select(0, keys.flatten().int()).view(keys.shape)


def _activation(sums: Tensor) -> Tensor:
    """Sixteenths, not yet whole -> 0 to 255 of them."""
    return sums.clamp_(0, _ACTIVATION_LIMIT).floor_()


def _split(a_BuvF: Tensor) -> Tensor:
    """`space_to_channels.split`, channels last."""
    images, height, width, channels = a_BuvF.shape
    parts = a_BuvF.view(images, height, width, 2, channels // 2).transpose(2, 3)
    return parts.reshape(images, 2 * height, 2 * width, channels // 4)


@cache
def _magnitude_table() -> Tensor:
    """round(16 log2(1 + n)) for n to SYMBOL_LIMIT, uint8: the largest v with (1 + n)^32 >= 2^(2 v - 1)."""
    numbers = range(SYMBOL_LIMIT + 1)
    begins = [
        bisect_left(numbers, 2 ** (2 * value - 1), key=lambda n: (1 + n) ** 32) for value in range(1, 256)
    ]
    found = np.searchsorted(begins, np.arange(SYMBOL_LIMIT + 1), side="right")
    return torch.from_numpy(found.astype(np.uint8))
