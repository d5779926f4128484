"""What quality an image is coded at: one for all of it, or one for every block of it.

Blocks are `multiple` x `multiple` latents of the model. An importance map moves their qualities up or down by whole
steps of `LEVELS_A_STEP` levels, within what qualities there are; everything that depends on a quality then depends on
the block's own, so that a block is coded as it would be in an image of that quality.

Shape legend: B images of one latent grid; K different qualities among them; h, w latents; u, v blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import torch
from torch import Tensor

from codec.contract import QUALITIES, SIXTEENTHS
from codec.importance_map import Steps
from codec.parts.lattice import Lattice

LEVELS_A_STEP: Final = 3
"""A step of an importance map is so many levels of quality: 14 % of the bytes of a block. Part of the format."""
_TOP: Final = (QUALITIES.stop - 1) * SIXTEENTHS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageQuality:
    """Of one image."""

    sixteenths: int
    """In sixteenths of a level, where the map says nothing else."""
    steps_uv: Steps | None = None
    """Its importance map; None where all of it is as important."""

    def sixteenths_uv(self) -> Steps:
        """Of every block, (u, v); (1, 1) without a map."""
        steps = np.zeros((1, 1), np.int64) if self.steps_uv is None else self.steps_uv.astype(np.int64)
        found: Steps = np.clip(self.sixteenths + LEVELS_A_STEP * SIXTEENTHS * steps, 0, _TOP)
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QualityGrid:
    """Of images of one latent grid that walk together, or of a part of that grid: all have maps, or none."""

    sixteenths_K: Tensor
    """The different qualities; without maps one for each image, or one that all have."""
    kinds_Bhw: Tensor | None
    """Which of them each latent has; None without maps."""

    @classmethod
    def of(cls, images: Sequence[ImageQuality], *, multiple: int, device: torch.device) -> Self:
        """Spread over the latents, h and w rounded up to the multiple."""
        if images[0].steps_uv is None:
            levels = [image.sixteenths for image in images]
            levels = levels[:1] if len(set(levels)) == 1 else levels
            return cls(sixteenths_K=torch.tensor(levels, device=device), kinds_Bhw=None)
        blocks_Buv = np.stack([image.sixteenths_uv() for image in images])
        levels_K, kinds = np.unique(blocks_Buv, return_inverse=True)
        kinds_Bhw = kinds.reshape(blocks_Buv.shape).repeat(multiple, axis=1).repeat(multiple, axis=2)
        return cls(
            sixteenths_K=torch.from_numpy(levels_K).to(device),
            kinds_Bhw=torch.from_numpy(kinds_Bhw.astype(np.int32)).to(device),
        )

    def part(self, rows: slice, columns: slice = slice(None)) -> Self:
        """Of some rows and columns of latents."""
        if self.kinds_Bhw is None:
            return self
        return replace(self, kinds_Bhw=self.kinds_Bhw[:, rows, columns])

    def on(self, lattice: Lattice) -> Self:
        """Of the positions of a lattice."""
        return self.part(lattice.rows, lattice.columns)

    def distinct(self) -> Tensor:
        """The different ones as numbers in [0, 63], (K,) float32."""
        return self.sixteenths_K.float() / SIXTEENTHS

    def qualities(self) -> Tensor:
        """As networks take them: (K,), or (B, h, w) with maps."""
        return self.distinct() if self.kinds_Bhw is None else self.distinct()[self.kinds_Bhw]

    def field(self, values_KC: Tensor) -> Tensor:
        """Values of each different quality, where these are: (K, 1, 1, C), or (B, h, w, C) with maps."""
        if self.kinds_Bhw is None:
            return values_KC[:, None, None]
        chosen = values_KC.index_select(0, self.kinds_Bhw.flatten())
        return chosen.view(*self.kinds_Bhw.shape, values_KC.shape[1])
