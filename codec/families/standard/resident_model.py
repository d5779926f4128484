"""A model on a device, run over whole pictures tile by tile: tiles equal the whole, and memory is that of a tile."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from codec.colour import extended, pixels_to_planes
from codec.contract import RGB
from codec.families.standard.config import BLOCK
from codec.families.standard.weights import Weights
from codec.parts.precision import fast
from codec.parts.resident import on_device
from codec.parts.tile_loop import Network, Synthesised, Tiling, synthesised


class ResidentModel:
    """One weights file on a device. Every picture goes through it alone, so that none depends on another."""

    def __init__(self, weights: Weights, device: torch.device) -> None:
        """Have the model on the device."""
        self.name, self.config, self.digest = weights.config.name, weights.config.model, weights.digest
        self._model = on_device(weights.model, device)
        self._device = device

    def file_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the file's picture of an image."""
        return -(-width // self.config.shrink), -(-height // self.config.shrink)

    def before(self, pixels: RGB, quality: float) -> RGB:
        """The picture that the file of an image is to hold."""
        config = self.config
        if config.shrink == 1 and config.comcnn is None and config.editor is None:
            return pixels
        width, height = self.file_size(pixels.shape[1], pixels.shape[0])
        tiling = Tiling(grid=BLOCK, halo=self._model.halo_before, device=self._device)
        tile = partial(_planes, pixels, BLOCK * config.shrink)
        return self._through(self._model.before, tile, quality, tiling, (width, height))

    def after(self, pixels: RGB, quality: float, *, width: int, height: int) -> RGB:
        """The image of a given size that a file's picture stands for."""
        if self.config.shrink == 1 and self.config.reccnn is None:
            return pixels
        grid = BLOCK * self.config.shrink
        tiling = Tiling(grid=grid, halo=self._model.halo_after, device=self._device)
        return self._through(
            self._model.after, partial(_planes, pixels, BLOCK), quality, tiling, (width, height)
        )

    def _through(
        self,
        network: Network,
        tile: partial[Tensor],
        quality: float,
        tiling: Tiling,
        size: tuple[int, int],
    ) -> RGB:
        width, height = size
        quality_1 = torch.tensor([quality], dtype=torch.float32, device="cpu")
        picture = Synthesised(
            tile=tile, width=width, height=height, other_inputs=lambda rows, columns: (quality_1,)
        )
        with fast(self._device):
            return synthesised(network, [picture], tiling)[0]


def _planes(pixels: RGB, side: int, rows: slice, columns: slice) -> Tensor:
    """YCbCr planes of some rows and columns of blocks of so many pixels a side, (1, 3, H, W); beyond the picture its
    last row and column go on."""
    down, across = (slice(part.start * side, part.stop * side) for part in (rows, columns))
    x_1CHW = pixels_to_planes(pixels[down, across], 1)
    return extended(x_1CHW, down.stop - down.start, across.stop - across.start)
