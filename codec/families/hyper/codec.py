"""`hyper-1`: one variable-rate model for all 64 qualities; symbols bit-exact on every machine.

Images are analysed once, in tiles; from the latents every quality can be had.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from codec.entropy.range_coder import RangeCoder
from codec.entropy.symbol_streams import SymbolStream
from codec.families.hyper import FAMILY
from codec.families.hyper.bitstream import pack_payload, parse_payload, parse_prefix
from codec.families.hyper.config import GRID
from codec.families.hyper.decoders.consistent import CONSISTENT, ConsistentDecoder
from codec.families.hyper.decoders.load import tiled_decoders
from codec.families.hyper.decoders.weights import DecoderWeights
from codec.families.hyper.heads.label_head import LabelHead
from codec.families.hyper.heads.weights import HeadWeights
from codec.families.hyper.integer_scales import ExactScales
from codec.families.hyper.latent_coder import LatentCoder
from codec.families.hyper.latent_strips import RATIO
from codec.families.hyper.latent_walk import LatentWalk
from codec.families.hyper.refine import SCHEDULES, Search
from codec.families.hyper.small_pictures import SmallPictures
from codec.families.hyper.weights import Weights
from codec.parts.company import company_on
from codec.parts.image_quality import ImageQuality
from codec.parts.precision import fast
from codec.parts.resident import on_device
from codec.parts.space_to_channels import from_patches
from codec.parts.tile_loop import Tiling
from codec.parts.tiled_codec import TiledCodec
from codec.parts.tiled_model import AnalysedImage, PayloadFormat
from codec.tiles import TILE

DEFAULT_QUALITY: Final = 34
_TILE_ON_CPU: Final = 128
"""Side of a tile in latent positions where one runs at a time: an eighth less work than with tiles of half the side,
for 40 MB more."""


class ResidentModel:
    """One weights file, ready on a device. Implements `RefinableModel` and `ProgressiveModel` of
    `codec.parts.tiled_model`."""

    multiple = RATIO

    def __init__(self, weights: Weights, device: torch.device) -> None:
        """Have what is needed on the device."""
        self.digest, self.file = weights.digest, weights.data
        self._device = device
        self._model = on_device(weights.model, device)
        self._small = SmallPictures(self._model)
        self._scales = ExactScales(weights.config.model, weights.scales_state, weights.prior_LM, device)
        self._hyper_prior_LN = weights.hyper_prior_LN
        self.coder = RangeCoder(weights.tables)
        config = weights.config.model
        self.channels = config.latents
        self.num_symbols = config.symbols
        tile = _TILE_ON_CPU if device.type == "cpu" else TILE
        self.analysis = Tiling(grid=GRID, halo=self._model.analysis.halo, device=device, tile=tile)
        self.synthesis = Tiling(grid=GRID, halo=config.decoder_halo, device=device, tile=tile)
        self.refinement = Tiling(grid=GRID, halo=RATIO, device=device)

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, M, h, w), in units of orthonormal coefficients."""
        with fast(self._device):
            y_BMhw: Tensor = self._model.analysis(x_BCHW)
        return y_BMhw

    def symbols(
        self,
        grid: tuple[int, int],
        qualities: Sequence[ImageQuality],
        stream: SymbolStream,
        images: Sequence[AnalysedImage] | None,
    ) -> Tensor:
        """Walk over the latents of images, pass by pass.

        Raises:
            BitstreamError: the stream is a reader and does not hold these symbols.
        """
        coder = self.latent_coder(qualities)
        latents_BhwM = coder.run(grid, stream, images)
        return coder.dequantised(latents_BhwM) if images is None else latents_BhwM

    def walk(
        self, grid: tuple[int, int], qualities: Sequence[ImageQuality], stream: SymbolStream
    ) -> LatentWalk:
        """Begin a walk over the latents of images of one grid."""
        return LatentWalk(self.latent_coder(qualities), grid, stream)

    def side(self, y_hwC: Tensor, quality: ImageQuality) -> Tensor:
        """The hyper-latents of an image, (h/4, w/4, N)."""
        with torch.inference_mode():
            return self.latent_coder([quality]).hyper_latents.analysed(y_hwC[None])[0]

    def refine(
        self,
        x_BCHW: Tensor,
        inside_B1HW: Tensor,
        y_BChw: Tensor,
        side_BNuv: Tensor,
        quality: Tensor,
        *,
        effort: int,
    ) -> Tensor:
        """Search for the latents of tiles, which stay on the device."""
        with torch.inference_mode(False), torch.enable_grad():  # whatever is in force around it
            search = Search(self._model, x_BCHW, inside_B1HW, side_BNuv, quality)
            return search.run(y_BChw, SCHEDULES[effort])

    def latent_coder(self, qualities: Sequence[ImageQuality]) -> LatentCoder:
        """What codes the latents of images of one grid.

        Args:
            qualities: each image's; all of them have maps, or none.
        """
        return LatentCoder(
            self._model,
            self._scales,
            self._hyper_prior_LN,
            qualities=qualities,
            company=company_on(self._device),
        )

    def synthesise(self, y_BChw: Tensor, quality: Tensor) -> Tensor:
        """(B, M, h, w) -> (B, 3, H, W)."""
        with fast(self._device):
            x_BCHW: Tensor = self._model.synthesis(y_BChw, quality)
        return x_BCHW

    def linear_picture(self, y_BChw: Tensor) -> Tensor:
        """What the linear path alone makes of latents: (B, M, h, w) -> (B, 3, H, W)."""
        return from_patches(self._model.synthesis.linear(y_BChw), GRID)

    def channels_at(self, denominator: int) -> int:
        """How many latent channels, from the first, show the picture at one over so much."""
        return self._small.channels_at(denominator)

    def synthesise_small(self, y_BChw: Tensor, denominator: int) -> Tensor:
        """(B, channels, h, w) -> (B, 3, H / denominator, W / denominator)."""
        return self._small.synthesise(y_BChw, denominator)


class HyperCodec(TiledCodec):
    """`hyper-1`, resident on one device."""

    def __init__(
        self,
        own: Weights,
        others: Sequence[Weights] = (),
        *,
        decoders: Sequence[DecoderWeights] = (),
        heads: Sequence[HeadWeights] = (),
        device: torch.device,
    ) -> None:
        """Encode with `own`; decode what it or one of `others` made.

        Args:
            own: the model to encode with.
            others: further models to decode with.
            decoders: of these models or of others; of two with one name for one model the later one counts.
            heads: likewise; of two for one model the later one counts.
            device: where all of them run.
        """
        models = [ResidentModel(weights, device) for weights in (own, *others)]
        super().__init__(
            FAMILY.id,
            models[0],
            models[1:],
            default_quality=DEFAULT_QUALITY,
            payload_format=PayloadFormat(
                pack=pack_payload,
                parse=parse_payload,
                parse_prefix=parse_prefix,
                holds_maps=True,
                wide_first=True,
            ),
            decoders={CONSISTENT: ConsistentDecoder(models), **tiled_decoders(decoders, device)},
        )
        if heads:
            self.head = LabelHead(heads, self.reader, device)
