"""The walk over one image's latents, pass by pass and strip by strip, that encoder and decoder share.

    hyper-latents, strip by strip
    pass 0       first slice, even rows and columns      tables from the hyper-latents
    pass 1 to 3  first slice, the other three quarters   ... and the magnitudes of passes before
    pass n       slice n - 3                             ... and the magnitudes of all slices before

A strip is whole rows of latents, a multiple of 4, about `STRIP` positions. What is coded together (a group) is one
strip of one pass, in (row, column, channel) order. Beside latents and magnitudes, memory is that of a strip.

Shape legend: y_hwM latents; z_uvN hyper-latents, h <= 4 u, w <= 4 v; the networks run on (1, channels, rows, w).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from codec.entropy.range_coder import Indices
from codec.entropy.symbol_streams import SymbolStream
from codec.entropy.tables import SILENT, SYMBOL_LIMIT, TABLES
from codec.errors import BitstreamError
from codec.families.hyper.config import Pass
from codec.families.hyper.deadzone import rounded, shares, table_of_bits, worth
from codec.families.hyper.integer_scales import ExactScales, at_level, looked_up
from codec.families.hyper.model import HyperModel
from codec.families.hyper.scale_network import ACTIVATION_ONE, WEIGHT_ONE, Z_LIMIT
from codec.parts.lattice import Lattice
from codec.parts.precision import fast
from codec.parts.quality import quality_tensor
from codec.parts.tiled_model import AnalysedImage

STRIP: Final = 16384
"""Latent positions of a strip, about. Part of the format."""
RATIO: Final = 4
"""Latents per hyper-latent, each way."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _State:
    """What the passes of one image know and fill."""

    scale_features_hwS: Tensor
    mean_features_hwF: Tensor
    latents_hwM: Tensor
    """Decoded so far, over their typical size."""
    magnitudes_hwM: Tensor


class LatentCoder:
    """One model's passes over one image at one quality."""

    def __init__(
        self, model: HyperModel, scales: ExactScales, hyper_prior_LN: Tensor, *, sixteenths: int
    ) -> None:
        """Look up what depends on the quality.

        Args:
            model: float networks, on the device to use.
            scales: integer network, on the same.
            hyper_prior_LN: (64, N) tables of the hyper-latents, in 1024ths of an index.
            sixteenths: quality in sixteenths of a level.
        """
        self._model, self._scales, self._sixteenths = model, scales, sixteenths
        self._config = model.config
        self._device = model.analysis.size.device
        self._quality_B = quality_tensor(sixteenths, self._device)
        self._size_M = model.analysis.size
        self._gain_M = torch.exp(model.log_gain(self._quality_B)[0])
        self._worth_M = worth(self._gain_M, self._quality_B, shares(self._config.slices, self._device))
        self._bits_K = table_of_bits().to(self._device)
        start_N = at_level(hyper_prior_LN.double(), sixteenths) / (ACTIVATION_ONE * WEIGHT_ONE)
        self._hyper_indices_N: Indices = (
            torch.floor(start_N + 0.5).clamp_(0, TABLES - 1).to(torch.uint8).numpy()
        )

    def run(self, grid: tuple[int, int], sink: SymbolStream, image: AnalysedImage | None = None) -> Tensor:
        """Send every symbol through the sink.

        Args:
            grid: (h, w) of the latents that are coded.
            sink: writer, counter or reader.
            image: what to encode, h and w of its latents those of the grid rounded up to multiples of 4; None to
                decode.
        Returns:
            (h, w, M) float32: the latents as a decoder has them. When encoding, float16, and only the channels that
            later passes look at.
        Raises:
            BitstreamError: the sink is a reader, and its stream does not hold these symbols.
        """
        height, width = grid
        strips = list(_strips(*grid))
        z_uvN = self._hyper_latents(strips, grid, sink, image)
        context = self._config.context_channels
        kind, kept = (torch.float32, self._config.latents) if sink.reads else (torch.float16, context)
        state = _State(
            scale_features_hwS=torch.cat([self._scale_features(z_uvN, rows) for rows in strips])[
                :height, :width
            ],
            mean_features_hwF=torch.cat([self._mean_features(z_uvN, rows) for rows in strips])[
                :height, :width
            ],
            latents_hwM=torch.zeros(height, width, kept, dtype=kind, device=self._device),
            magnitudes_hwM=torch.zeros(height, width, context, dtype=torch.uint8, device=self._device),
        )
        for number in range(len(self._config.passes)):
            for rows in strips:
                self._code(number, slice(rows.start, min(rows.stop, height)), state, sink, image)
        return state.latents_hwM

    def dequantised(self, latents_hwM: Tensor) -> Tensor:
        """Latents over their size become y_hat, in units of orthonormal coefficients, where they lie."""
        return latents_hwM.mul_(self._size_M)

    def hyper_latents(self, y_hwM: Tensor) -> Tensor:
        """Those of an image, whole numbers as they are coded, from its latents: (u, v, N) float32."""
        parts = [self._analysed(y_hwM, rows).round_() for rows in _strips(*y_hwM.shape[:2])]
        coded_N = torch.from_numpy(self._hyper_indices_N >= SILENT).to(self._device)
        return torch.cat(parts).clamp_(-Z_LIMIT, Z_LIMIT) * coded_N

    def _hyper_latents(
        self, strips: list[slice], grid: tuple[int, int], sink: SymbolStream, image: AnalysedImage | None
    ) -> Tensor:
        wanted_uvN = None
        if image is not None:
            wanted_uvN = self.hyper_latents(image.y_hwC) if image.side_uvN is None else image.side_uvN
        parts = []
        columns = -(-grid[1] // RATIO)
        for rows in strips:
            count = (rows.stop - rows.start) // RATIO
            indices = np.ascontiguousarray(
                np.broadcast_to(self._hyper_indices_N, (count, columns, len(self._hyper_indices_N)))
            )
            wanted = None
            if wanted_uvN is not None:
                mine = wanted_uvN[rows.start // RATIO : rows.stop // RATIO]
                wanted = mine.to(torch.int16).cpu().numpy().ravel()
            symbols = sink.group(wanted, indices.ravel()).reshape(indices.shape)
            if wanted is None and (largest := int(np.abs(symbols).max())) > Z_LIMIT:
                raise BitstreamError(f"expected hyper-latents up to {Z_LIMIT}, got {largest}: damaged")
            parts.append(torch.from_numpy(symbols).to(self._device))
        return torch.cat(parts)

    def _analysed(self, y_hwM: Tensor, rows: slice) -> Tensor:
        """Hyper-latents of some rows, not yet rounded."""
        near, inner = _with_halo(rows, y_hwM.shape[0], RATIO)
        y_1Mhw = _channels_first(y_hwM[near].float())
        size, gain = (v[None, :, None, None] for v in (self._size_M, self._gain_M))
        with fast(self._device):
            z_1Nuv: Tensor = self._model.hyper_analysis(y_1Mhw, size, gain, self._quality_B)
        return z_1Nuv[0].permute(1, 2, 0)[inner.start // RATIO : inner.stop // RATIO]

    def _scale_features(self, z_uvN: Tensor, rows: slice) -> Tensor:
        near, inner = _with_halo(rows, RATIO * z_uvN.shape[0], RATIO)
        return self._scales.features(z_uvN[near.start // RATIO : near.stop // RATIO])[inner]

    def _mean_features(self, z_uvN: Tensor, rows: slice) -> Tensor:
        near, inner = _with_halo(rows, RATIO * z_uvN.shape[0], RATIO)
        z_1Nuv = _channels_first(z_uvN[near.start // RATIO : near.stop // RATIO].float())
        with fast(self._device):
            features_1Fhw = self._model.means.features(z_1Nuv, self._quality_B)
        return features_1Fhw[0].permute(1, 2, 0)[inner]

    def _code(
        self, number: int, rows: slice, state: _State, sink: SymbolStream, image: AnalysedImage | None
    ) -> None:
        """One group: its tables, its means, its symbols, and what they say about the latents."""
        one = self._config.passes[number]
        width, channels, lattice = state.latents_hwM.shape[1], one.channels, one.lattice
        shape = lattice.shape(rows.stop - rows.start, width)
        if 0 in shape:  # an image of one row or column
            return
        near, inner = _with_halo(rows, len(state.latents_hwM), 1)
        seen, skipped = lattice.seen_from(inner.start)
        kept = slice(skipped, skipped + shape[0])
        magnitudes, latents_hwM = (
            _before(one, values[near, :, : one.known], seen)
            for values in (state.magnitudes_hwM, state.latents_hwM)
        )
        indices_hwC = self._scales.indices(
            number, state.scale_features_hwS[near], magnitudes, self._sixteenths, seen
        )[kept]
        features, latents = _channels_first(state.mean_features_hwF[near]), latents_hwM.half().float()
        with fast(self._device):
            means_1Chw = self._model.means.means(
                number, features, _channels_first(latents), self._quality_B, seen
            )
        means_hwC = means_1Chw[0].permute(1, 2, 0)[kept]
        steps_C = (self._size_M * self._gain_M)[channels]
        wanted = None
        if image is not None:
            y_hwC = image.y_hwC[rows, :width, channels][lattice.rows, lattice.columns]
            residual_hwC = y_hwC * self._gain_M[channels] - means_hwC * steps_C
            r_hwC = residual_hwC.round()  # of refined latents, which are those that a decoder is to have
            if image.side_uvN is None:
                shift_hwC = looked_up(self._bits_K, indices_hwC) * self._worth_M[channels]
                r_hwC = rounded(residual_hwC, shift_hwC)
            r_hwC = r_hwC.clamp_(-SYMBOL_LIMIT, SYMBOL_LIMIT)
            wanted = (r_hwC * (indices_hwC >= SILENT)).to(torch.int16).cpu().numpy().ravel()
        symbols = sink.group(wanted, indices_hwC.cpu().numpy().ravel())
        r_hwC = torch.from_numpy(symbols).to(self._device).view(indices_hwC.shape)
        if channels.stop <= state.latents_hwM.shape[2]:
            mine = state.latents_hwM[rows, :, channels]
            mine[lattice.rows, lattice.columns] = (means_hwC + r_hwC / steps_C).to(mine.dtype)
        if channels.stop <= state.magnitudes_hwM.shape[2]:
            mine = state.magnitudes_hwM[rows, :, channels]
            mine[lattice.rows, lattice.columns] = self._scales.magnitudes(r_hwC)


def _before(one: Pass, known_hwM: Tensor, seen: Lattice) -> Tensor:
    """What a pass may know: not what it has itself coded in the strip above, so that strips know alike."""
    if one.known < one.channels.stop:
        return known_hwM
    known_hwM = known_hwM.clone()
    known_hwM[seen.rows, seen.columns] = 0
    return known_hwM


def _strips(height: int, width: int) -> Iterator[slice]:
    """Rows of latents, rounded up to multiples of 4, in strips."""
    padded = -(-height // RATIO) * RATIO
    step = max(1, STRIP // width // RATIO) * RATIO
    for start in range(0, padded, step):
        yield slice(start, min(padded, start + step))


def _with_halo(rows: slice, height: int, halo: int) -> tuple[slice, slice]:
    """Rows with up to `halo` more on either side, and where the rows lie among those."""
    start, stop = max(0, rows.start - halo), min(height, rows.stop + halo)
    return slice(start, stop), slice(rows.start - start, rows.stop - start)


def _channels_first(a_hwC: Tensor) -> Tensor:
    """(h, w, C) -> (1, C, h, w), the same memory."""
    return a_hwC.permute(2, 0, 1)[None]
