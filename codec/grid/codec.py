"""A codec of any model of the grid: images are analysed once; from the latents every quality can be had.

Shape legend: x_BCHW YCbCr pixels; y_BChw latents, y_hwC those of one image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codec.contract import SIXTEENTHS
from codec.entropy.range_coder import RangeCoder, Symbols
from codec.entropy.symbol_streams import SymbolStream
from codec.entropy.tables import SYMBOL_LIMIT
from codec.family_weights import load_weights
from codec.grid.chains import chained, unchained
from codec.grid.network import GridFamily, ToldGridNetwork
from codec.grid.quality import OWN_QUALITY
from codec.grid.samples import names_of_samples
from codec.grid.weights import GridWeights, understand
from codec.parts.image_quality import ImageQuality
from codec.parts.resident import on_device
from codec.parts.tile_loop import Tiling, latent_grid
from codec.parts.tiled_codec import TiledCodec
from codec.parts.tiled_decoder import TiledDecoder
from codec.parts.tiled_model import AnalysedImage

_TILE_PIXELS = 512
"""Side of a tile: layers at full resolution need memory for each pixel."""


class ResidentModel:
    """One weights file on a device. Implements `TiledModel` and `ToldNetwork` of `codec.parts.tiled_model`."""

    multiple = 1

    def __init__(self, weights: GridWeights, device: torch.device) -> None:
        """Have what is needed on the device."""
        self.digest, self.file = weights.digest, weights.data
        self.coder = RangeCoder(weights.entropy.tables)
        self._entropy, self._device = weights.entropy, device
        self._model = on_device(weights.model, device)
        network = self._model.network
        self.channels, self._grid = network.channels, network.grid
        tile = max(1, _TILE_PIXELS // network.grid)
        self.analysis = Tiling(grid=network.grid, halo=network.halo, device=device, tile=tile)
        self.synthesis = self.analysis

    def drawing(self) -> DrawingNetwork | None:
        """What shows its latents with noise; None where the network takes none."""
        noise = self._model.network.noise
        if not noise:
            return None
        return DrawingNetwork(
            synthesis=self.synthesis, synthesise=self.synthesise, told=self.told, noise=noise
        )

    def num_symbols(self, width: int, height: int) -> int:
        """How many symbols an image of so many pixels has."""
        rows, columns = latent_grid(height, width, self._grid)
        return self.channels * rows * columns

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, h, w)."""
        return self._model.analyse(x_BCHW)

    def symbols(
        self,
        grid: tuple[int, int],
        qualities: Sequence[ImageQuality],
        stream: SymbolStream,
        images: Sequence[AnalysedImage] | None,
    ) -> Tensor:
        """Pass the symbols of images of one grid through a stream: one group, channel after channel.

        Raises:
            BitstreamError: the stream is a reader and does not hold these symbols.
        """
        levels = [one.sixteenths / SIXTEENTHS for one in qualities]
        network = self._model.network
        step_BC11 = np.stack([network.steps(one) for one in levels])[:, :, None, None]
        positions = grid[0] * grid[1]
        indices_Bn = np.stack([self._entropy.indices(round(one), positions) for one in levels])
        wanted_Bn = None
        if images is not None:
            y_BhwC = torch.stack([image.y_hwC for image in images])
            y_BChw = y_BhwC.permute(0, 3, 1, 2).float().cpu().numpy()
            wanted_Bn = chained(quantised(y_BChw, step_BC11), network.chained).reshape(len(images), -1)
        coded_BChw = stream.group(wanted_Bn, indices_Bn).reshape(-1, self.channels, *grid)
        found_BChw = unchained(coded_BChw, network.chained)
        is_sent_BC11 = np.isfinite(step_BC11)
        y_hat_BChw = torch.from_numpy(found_BChw.astype(np.float32) * np.where(is_sent_BC11, step_BC11, 0.0))
        return y_hat_BChw.permute(0, 2, 3, 1).to(self._device)

    def told(self, words: str | None) -> tuple[Tensor, ...]:
        """What the network takes of the words beside an image: nothing, where it takes none."""
        network = self._model.network
        return (network.told(words).to(self._device),) if isinstance(network, ToldGridNetwork) else ()

    def synthesise(self, y_BChw: Tensor, quality: Tensor, *told_BV: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 3, H, W), the same at every quality."""
        del quality
        return self._model.synthesise(y_BChw, *told_BV)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawingNetwork:
    """A network that is given noise behind its latents. Implements `codec.parts.tiled_model.SampledNetwork`."""

    synthesis: Tiling
    synthesise: Callable[..., Tensor]
    told: Callable[[str | None], tuple[Tensor, ...]]
    noise: int


def quantised(y: npt.NDArray[np.float32], step: float | npt.NDArray[np.float32]) -> Symbols:
    """Latents of any shape as symbols."""
    rounded: Symbols = np.rint(y / step).clip(-SYMBOL_LIMIT, SYMBOL_LIMIT).astype(np.int16)
    return rounded


class GridCodec(TiledCodec):
    """The codec of a family of the grid, resident on one device."""

    def __init__(
        self,
        family: GridFamily,
        own: GridWeights,
        others: Sequence[GridWeights] = (),
        *,
        device: torch.device,
    ) -> None:
        """Encode with `own`; decode what it or one of `others` made."""
        models = [ResidentModel(weights, device) for weights in (*others, own)]
        drawing = {model.digest: drawn for model in models if (drawn := model.drawing()) is not None}
        names = names_of_samples(family.samples) if drawing else ()
        super().__init__(
            family.id,
            models[-1],
            models[:-1],
            default_quality=OWN_QUALITY,
            payload_format=family.payload_format,
            decoders={
                name: TiledDecoder(drawing, generates=True, sample=number)
                for number, name in enumerate(names)
            },
        )


def load_grid(
    family: GridFamily, *, device: torch.device, own: bytes | None, others: Sequence[bytes]
) -> GridCodec:
    """A family's codec on a device; with the family named, a `codec.registry.Loader`.

    It decodes what any of the shipped presets made.

    Raises:
        WeightsError: `own` is not this family's, or the shipped weights are missing or damaged.
    """

    found = load_weights(
        family.family, partial(understand, family=family), default=family.preset, own=own, others=others
    )
    return GridCodec(family, found.own, found.others, device=device)
