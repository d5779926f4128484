"""Where latents may lie to become the symbols of a payload: those of an encoder that is to write it again.

Each latent has a cell, in which it is rounded to its symbol: `deadzone.py` says where it ends, so that a zero's cell is
wider than others. Cells of a payload hold for as long as its hyper-latents and the symbols before are the same: means
and tables come from those.

Shape legend: y_BhwM latents; z_BuvN hyper-latents; r_BhwC the symbols of one pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from codec.parts.lattice import Lattice


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """Of all latents of images of one grid."""

    lowest_BhwM: Tensor
    highest_BhwM: Tensor
    """float32; infinite where a latent is not coded, whatever it is."""
    side_BuvN: Tensor
    """Hyper-latents as coded; NaN where one is not, whatever it is."""


class CellRecorder:
    """Notes the cells of latents while these are read."""

    def __init__(self, shape_BhwM: tuple[int, int, int, int], device: torch.device) -> None:
        """Begin with latents of which nothing is known."""
        self._lowest_BhwM = torch.full(shape_BhwM, -torch.inf, dtype=torch.float32, device=device)
        self._highest_BhwM = -self._lowest_BhwM

    def note(
        self,
        place: tuple[slice, slice, Lattice],
        *,
        y_hat_BhwC: Tensor,
        r_BhwC: Tensor,
        shift_BhwC: Tensor,
        gain_BhwC: Tensor,
        is_coded_BhwC: Tensor,
    ) -> None:
        """One group.

        Args:
            place: its rows, its channels, and which positions of those rows it has.
            y_hat_BhwC: latents as a decoder has them, in units of orthonormal coefficients.
            r_BhwC: symbols.
            shift_BhwC: towards zero, of where the encoder rounds, in steps.
            gain_BhwC: quantiser steps per unit of a latent, broadcast to them.
            is_coded_BhwC: whether a latent has a table that says anything.
        """
        rows, channels, lattice = place
        inner_BhwC, outer_BhwC = 0.5 - shift_BhwC, 0.5 + shift_BhwC  # towards zero, away from it
        down_BhwC = torch.where(r_BhwC > 0, inner_BhwC, outer_BhwC)
        up_BhwC = torch.where(r_BhwC < 0, inner_BhwC, outer_BhwC)
        for bounds, aside_BhwC in ((self._lowest_BhwM, -down_BhwC), (self._highest_BhwM, up_BhwC)):
            mine = bounds[:, rows, :, channels][:, lattice.rows, lattice.columns]
            mine.copy_(torch.where(is_coded_BhwC, y_hat_BhwC + aside_BhwC / gain_BhwC, mine))

    def cells(self, side_BuvN: Tensor) -> Cells:
        """What was noted, of images with these hyper-latents, as `Cells` has them."""
        return Cells(
            lowest_BhwM=self._lowest_BhwM,
            highest_BhwM=self._highest_BhwM,
            side_BuvN=side_BuvN,
        )
