"""Hyper-latents, which say of every latent how far it may lie from its mean: what comes first in a payload.

Shape legend: y_BhwM latents of B images; z_BuvN hyper-latents, h <= 4 u, w <= 4 v; the networks run on (B, channels,
rows, w). What depends on the quality has B rows, or one where all images have the same.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from codec.entropy.range_coder import Indices
from codec.entropy.symbol_streams import SymbolStream
from codec.entropy.tables import SILENT, TABLES
from codec.errors import BitstreamError
from codec.families.hyper.integer_scales import at_level
from codec.families.hyper.latent_strips import RATIO, channels_first, strips, with_halo
from codec.families.hyper.model import HyperModel
from codec.families.hyper.scale_network import ACTIVATION_ONE, WEIGHT_ONE, Z_LIMIT
from codec.parts.company import Company, in_company
from codec.parts.image_quality import QualityGrid
from codec.parts.lattice import Lattice
from codec.parts.precision import fast

COARSE: Final = Lattice(step=RATIO)
"""Latents that stand for their hyper-latent."""


class HyperLatentCoder:
    """The hyper-latents of images of one grid."""

    def __init__(
        self,
        model: HyperModel,
        prior_LN: Tensor,
        *,
        qualities: QualityGrid,
        images: int,
        company: Company,
    ) -> None:
        """Look up what depends on the quality.

        Args:
            model: float networks, on the device to use.
            prior_LN: (64, N) tables, in 1024ths of an index.
            qualities: of the latents.
            images: how many there are.
            company: how the device multiplies for several images.
        """
        self._model, self._qualities, self._images, self._company = model, qualities, images, company
        self._size_M = model.analysis.size
        self._device = model.analysis.size.device
        self.gain_KM = torch.exp(model.log_gain(qualities.distinct()))
        """Quantiser steps per unit of a latent, at each quality."""
        prior_KN = at_level(prior_LN.double(), qualities.sixteenths_K.cpu()) / (ACTIVATION_ONE * WEIGHT_ONE)
        self._indices_KN = torch.floor(prior_KN + 0.5).clamp_(0, TABLES - 1).to(self._device, torch.uint8)

    def code(self, grid: tuple[int, int], sink: SymbolStream, wanted_BuvN: Tensor | None) -> Tensor:
        """Send every symbol through the sink; gives the hyper-latents.

        Args:
            grid: (h, w) of the latents.
            sink: writer, counter or reader, of as many images.
            wanted_BuvN: what to encode; None to decode.
        Raises:
            BitstreamError: the sink is a reader, and a stream does not hold these symbols.
        """
        parts = []
        columns = -(-grid[1] // RATIO)
        for rows in strips(*grid):
            found = self._qualities.part(rows).on(COARSE).field(self._indices_KN)
            shape = (self._images, (rows.stop - rows.start) // RATIO, columns, found.shape[3])
            indices: Indices = np.ascontiguousarray(np.broadcast_to(found.cpu().numpy(), shape))
            wanted = None
            if wanted_BuvN is not None:
                mine = wanted_BuvN[:, rows.start // RATIO : rows.stop // RATIO]
                wanted = mine.to(torch.int16).cpu().numpy().reshape(self._images, -1)
            symbols = sink.group(wanted, indices.reshape(self._images, -1)).reshape(shape)
            if wanted is None and (largest := int(np.abs(symbols).max())) > Z_LIMIT:
                raise BitstreamError(f"expected hyper-latents up to {Z_LIMIT}, got {largest}: damaged")
            parts.append(torch.from_numpy(symbols).to(self._device))
        return torch.cat(parts, 1)

    def analysed(self, y_BhwM: Tensor) -> Tensor:
        """Those of images with these latents: whole numbers, as they are coded, (B, u, v, N) float32."""
        parts = [self._analysed_strip(y_BhwM, rows).round_() for rows in strips(*y_BhwM.shape[1:3])]
        return torch.cat(parts, 1).clamp_(-Z_LIMIT, Z_LIMIT) * self.has_table()

    def before_rounding(self, y_BMhw: Tensor, rows: slice, columns: slice) -> Tensor:
        """Hyper-latents before they are rounded, with their gradient: (B, M, h, w), the latents of some rows and
        columns, multiples of 4 -> (B, N, u, v), in float32."""
        quality = self._qualities.part(rows, columns).on(COARSE)
        z_BNuv: Tensor = self._model.hyper_analysis(
            y_BMhw, self._size_M[None, :, None, None], self.gain(rows, columns), quality.qualities()
        )
        return z_BNuv

    def gain(self, rows: slice, columns: slice) -> Tensor:
        """Quantiser steps per unit of the latents of some rows and columns, broadcast to (B, M, h, w)."""
        return channels_first(self._qualities.part(rows, columns).field(self.gain_KM))

    def has_table(self) -> Tensor:
        """Which hyper-latents have a table that says anything."""
        return self._qualities.on(COARSE).field(self._indices_KN >= SILENT)

    def filled_to(self, grid: tuple[int, int]) -> int:
        """How many images the networks are to be given."""
        height, width = (-(-side // RATIO) * RATIO for side in grid)
        return self._company.images_of((height, width)) if self._company.filled else 1

    def _analysed_strip(self, y_BhwM: Tensor, rows: slice) -> Tensor:
        """Hyper-latents of some rows, not yet rounded."""
        near, inner = with_halo(rows, y_BhwM.shape[1], RATIO)
        y_BMhw = channels_first(y_BhwM[:, near].float())
        size_1M11, here = self._size_M[None, :, None, None], self._qualities.part(near)
        with fast(self._device):
            z_BNuv = in_company(
                lambda y, gain, quality: self._model.hyper_analysis(y, size_1M11, gain, quality),
                y_BMhw,
                channels_first(here.field(self.gain_KM)),
                here.on(COARSE).qualities(),
                size=self.filled_to((y_BhwM.shape[1], y_BhwM.shape[2])),
            )
        return z_BNuv.permute(0, 2, 3, 1)[:, inner.start // RATIO : inner.stop // RATIO]
