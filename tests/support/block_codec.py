"""A family of a few lines: the 8x8 cosine transform, rounded; its synthesis smooths across the blocks' edges.

It gives what `codec/parts/tiled_model.py` asks for, and nothing else: tiles, batches, envelope and checksums come from
`codec/parts/tiled_codec.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.entropy.range_coder import Indices, RangeCoder
from codec.entropy.symbol_streams import SymbolStream
from codec.entropy.tables import SILENT, SMALLEST_SCALE, TABLE_STEP, TABLES, laplace_tables
from codec.parts.image_quality import ImageQuality
from codec.parts.tile_loop import Tiling
from codec.parts.tiled_codec import TiledCodec
from codec.parts.tiled_model import AnalysedImage
from codec.weights_file import digest_of

FAMILY: Final = "blocks-1"
GRID: Final = 8
_COARSEST, _FINEST = 0.6, 0.008
_CPU: Final = torch.device("cpu")


class BlockModel:
    """Implements `codec.parts.tiled_model.TiledModel`."""

    multiple = 2
    channels = 3 * GRID * GRID
    analysis = Tiling(grid=GRID, halo=0, device=_CPU)
    synthesis = Tiling(grid=GRID, halo=1, device=_CPU)

    def __init__(self, file: bytes = b"the weights of BlockModel") -> None:
        self.file, self.digest = file, digest_of(file)
        self.coder = RangeCoder(laplace_tables())
        n = torch.arange(GRID, dtype=torch.float64, device="cpu")
        cosines = torch.cos(math.pi / GRID * (n[None] + 0.5) * n[:, None]) * math.sqrt(2 / GRID)
        cosines[0] /= math.sqrt(2)
        self._transform = torch.kron(
            torch.eye(3, dtype=torch.float64, device="cpu"), torch.kron(cosines, cosines)
        ).float()
        row, column = np.divmod(np.arange(self.channels) % GRID**2, GRID)
        self._spread_C = 0.6 / (1.0 + row + column)

    def num_symbols(self, width: int, height: int) -> int:
        return self.channels * -(-width // GRID) * -(-height // GRID)

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        return torch.einsum("oc,bchw->bohw", self._transform, functional.pixel_unshuffle(x_BCHW, GRID))

    def symbols(
        self,
        grid: tuple[int, int],
        qualities: Sequence[ImageQuality],
        stream: SymbolStream,
        images: Sequence[AnalysedImage] | None,
    ) -> Tensor:
        height, width = grid
        step_B1 = _COARSEST * (_FINEST / _COARSEST) ** (
            np.array([one.sixteenths for one in qualities])[:, None] / 1008
        )
        index_BC = np.log(self._spread_C / step_B1 / SMALLEST_SCALE) / TABLE_STEP
        indices_Bn: Indices = np.tile(index_BC.clip(SILENT, TABLES - 1).astype(np.uint8), height * width)
        step_B111 = torch.from_numpy(step_B1)[:, :, None, None].float()
        wanted_Bn = None
        if images is not None:
            y_BhwC = torch.stack([image.y_hwC[:height, :width].float() for image in images])
            wanted_Bn = (y_BhwC / step_B111).round().to(torch.int16).flatten(1).numpy()
        found = torch.from_numpy(stream.group(wanted_Bn, indices_Bn).astype(np.float32))
        y_hat_BhwC: Tensor = found.view(-1, height, width, self.channels) * step_B111
        return y_hat_BhwC

    def synthesise(self, y_BChw: Tensor, quality_B: Tensor) -> Tensor:
        x_BCHW = functional.pixel_shuffle(torch.einsum("oc,bohw->bchw", self._transform, y_BChw), GRID)
        smooth = functional.avg_pool2d(x_BCHW, 3, stride=1, padding=1, count_include_pad=False)
        share_B = 0.2 * (1.0 - quality_B / 63.0)
        return torch.lerp(x_BCHW, smooth, share_B[:, None, None, None])


def block_codec(own: BlockModel | None = None, others: Sequence[BlockModel] = ()) -> TiledCodec:
    """The codec of this family."""
    return TiledCodec(FAMILY, own or BlockModel(), others, default_quality=40)
