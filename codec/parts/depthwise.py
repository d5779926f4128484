"""A depthwise layer that runs only at the positions of a lattice."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from codec.parts.lattice import WHOLE, Lattice


def depthwise(f_BFhw: Tensor, weight_F133: Tensor, bias_F: Tensor | None, lattice: Lattice = WHOLE) -> Tensor:
    """A depthwise 3x3 layer, zeros beyond the edges, at the positions of a lattice."""
    groups = len(weight_F133)
    if lattice == WHOLE:
        return functional.conv2d(f_BFhw, weight_F133, bias_F, padding=1, groups=groups)
    padded = functional.pad(f_BFhw, (1 - lattice.column, 1, 1 - lattice.row, 1))
    return functional.conv2d(padded, weight_F133, bias_F, stride=lattice.step, groups=groups)
