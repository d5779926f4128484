"""The walk over latents, pass by pass and strip by strip, that encoder and decoder share.

    hyper-latents, strip by strip
    pass 0       first slice, even rows and columns      tables from the hyper-latents
    pass 1 to 3  first slice, the other three quarters   ... and the magnitudes of passes before
    pass n       slice n - 3                             ... and the magnitudes of all slices before

A strip is whole rows of latents, a multiple of 4, about `STRIP` positions. What is coded together (a group) is one
strip of one pass, in (row, column, channel) order. Beside latents and magnitudes, memory is that of a strip.

Small images of one grid walk together, each at its own quality and through its own stream; a large one walks alone.

Shape legend: y_BhwM latents of B images; z_BuvN hyper-latents, h <= 4 u, w <= 4 v; the networks run on (B, channels,
rows, w). What depends on the quality has B rows, or one where all images have the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from codec.entropy.range_coder import Indices, Symbols
from codec.entropy.symbol_streams import SymbolStream
from codec.entropy.tables import SILENT, SYMBOL_LIMIT, TABLES
from codec.errors import BitstreamError
from codec.families.hyper.cells import CellRecorder, Cells
from codec.families.hyper.config import Pass
from codec.families.hyper.deadzone import rounded, shares, table_of_bits, worth
from codec.families.hyper.integer_scales import ExactScales, at_level, looked_up
from codec.families.hyper.model import HyperModel
from codec.families.hyper.scale_network import ACTIVATION_ONE, WEIGHT_ONE, Z_LIMIT
from codec.parts.company import Company, in_company
from codec.parts.image_quality import ImageQuality, QualityGrid
from codec.parts.lattice import Lattice
from codec.parts.precision import fast
from codec.parts.tiled_model import AnalysedImage

STRIP: Final = 16384
"""Latent positions of a strip, about. Part of the format."""
RATIO: Final = 4
"""Latents per hyper-latent, each way."""
_COARSE: Final = Lattice(step=RATIO)
"""Latents that stand for their hyper-latent."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _State:
    """What the passes know and fill."""

    scale_features_BhwS: Tensor
    mean_features_BhwF: Tensor
    latents_BhwM: Tensor
    """Decoded so far, over their typical size."""
    magnitudes_BhwM: Tensor
    recorder: CellRecorder | None
    """Told of every latent that is read."""


class LatentCoder:
    """One model's passes over images of one grid."""

    def __init__(
        self,
        model: HyperModel,
        scales: ExactScales,
        hyper_prior_LN: Tensor,
        *,
        qualities: Sequence[ImageQuality],
        company: Company,
    ) -> None:
        """Look up what depends on the quality.

        Args:
            model: float networks, on the device to use.
            scales: integer network, on the same.
            hyper_prior_LN: (64, N) tables of the hyper-latents, in 1024ths of an index.
            qualities: each image's; all of them have maps, or none.
            company: how the device multiplies for several images.
        """
        self._model, self._scales, self._company = model, scales, company
        self._config = model.config
        self.channels = self._config.latents
        """M."""
        self._images = len(qualities)
        self._device = model.analysis.size.device
        self._qualities = QualityGrid.of(qualities, multiple=RATIO, device=self._device)
        quality_K = self._qualities.distinct()
        self._size_M = model.analysis.size
        self._gain_KM = torch.exp(model.log_gain(quality_K))
        self._worth_KM = worth(self._gain_KM, quality_K[:, None], shares(self._config.slices, self._device))
        self._bits_K = table_of_bits().to(self._device)
        levels_K = self._qualities.sixteenths_K.cpu()
        prior_KN = at_level(hyper_prior_LN.double(), levels_K) / (ACTIVATION_ONE * WEIGHT_ONE)
        self._hyper_indices_KN = (
            torch.floor(prior_KN + 0.5).clamp_(0, TABLES - 1).to(self._device, torch.uint8)
        )

    def run(
        self, grid: tuple[int, int], sink: SymbolStream, images: Sequence[AnalysedImage] | None = None
    ) -> Tensor:
        """Send every symbol through the sink.

        Args:
            grid: (h, w) of the latents that are coded.
            sink: writer, counter or reader, of as many images.
            images: what to encode, h and w of their latents those of the grid rounded up to multiples of 4, all of
                them refined or none; None to decode.
        Returns:
            (B, h, w, M) float32: the latents as a decoder has them. When encoding, float16, and only the channels that
            later passes look at.
        Raises:
            BitstreamError: the sink is a reader, and a stream does not hold these symbols.
        """
        *_, (_, latents_BhwM) = self.slices(grid, sink, images)
        return latents_BhwM

    def cells(self, grid: tuple[int, int], reader: SymbolStream) -> Cells:
        """Read images, and give where their latents may lie to be encoded as the same symbols without refinement.

        Raises:
            BitstreamError: a stream does not hold these symbols.
        """
        z_BuvN = self._hyper_latents(grid, reader, None)
        recorder = CellRecorder((self._images, *grid, self.channels), self._device)
        for _ in self._walked(grid, reader, None, z_BuvN, recorder):
            pass
        return recorder.cells(torch.where(self._has_table(), z_BuvN.float(), torch.nan))

    def slices(
        self, grid: tuple[int, int], sink: SymbolStream, images: Sequence[AnalysedImage] | None = None
    ) -> Iterator[tuple[int, Tensor]]:
        """`run`, slice by slice: whoever asks for no further ones has taken no further symbols.

        Yields:
            How many latent channels, from the first, are coded by now; and the latents that `run` returns, in which
            the others are still to come.
        """
        source = None if images is None else _Source.of(images)
        yield from self._walked(grid, sink, source, self._hyper_latents(grid, sink, source), None)

    def _walked(
        self,
        grid: tuple[int, int],
        sink: SymbolStream,
        source: _Source | None,
        z_BuvN: Tensor,
        recorder: CellRecorder | None,
    ) -> Iterator[tuple[int, Tensor]]:
        """The slices of images with these hyper-latents."""
        height, width = grid
        strips = list(_strips(*grid))
        context = self._config.context_channels
        kind, kept = (torch.float32, self._config.latents) if sink.reads else (torch.float16, context)
        size = self._filled_to(grid)
        scale_parts = [self._scale_features(z_BuvN, rows) for rows in strips]
        mean_parts = [self._mean_features(z_BuvN, rows, size) for rows in strips]
        shape = (self._images, height, width)
        state = _State(
            scale_features_BhwS=torch.cat(scale_parts, 1)[:, :height, :width],
            mean_features_BhwF=torch.cat(mean_parts, 1)[:, :height, :width],
            latents_BhwM=torch.zeros(*shape, kept, dtype=kind, device=self._device),
            magnitudes_BhwM=torch.zeros(*shape, context, dtype=torch.uint8, device=self._device),
            recorder=recorder,
        )
        for number, one in enumerate(self._config.passes):
            for rows in strips:
                self._code(number, slice(rows.start, min(rows.stop, height)), state, sink, source, size)
            if one.ends_slice:
                yield one.channels.stop, state.latents_BhwM

    def dequantised(self, latents_BhwM: Tensor) -> Tensor:
        """Latents over their size become y_hat, in units of orthonormal coefficients, where they lie."""
        return latents_BhwM.mul_(self._size_M[: latents_BhwM.shape[3]])

    def hyper_latents(self, y_BhwM: Tensor) -> Tensor:
        """The hyper-latents of images with these latents: whole numbers, as they are coded, (B, u, v, N) float32."""
        parts = [self._analysed(y_BhwM, rows).round_() for rows in _strips(*y_BhwM.shape[1:3])]
        return torch.cat(parts, 1).clamp_(-Z_LIMIT, Z_LIMIT) * self._has_table()

    def gain(self, rows: slice, columns: slice) -> Tensor:
        """Quantiser steps per unit of the latents of some rows and columns, broadcast to (B, M, h, w)."""
        return _channels_first(self._qualities.part(rows, columns).field(self._gain_KM))

    def hyper_analysis(self, y_BMhw: Tensor, rows: slice, columns: slice) -> Tensor:
        """Hyper-latents before they are rounded, with their gradient: (B, M, h, w), the latents of some rows and
        columns, multiples of 4 -> (B, N, u, v), in float32."""
        size_1M11, quality = (
            self._size_M[None, :, None, None],
            self._qualities.part(rows, columns).on(_COARSE),
        )
        z_BNuv: Tensor = self._model.hyper_analysis(
            y_BMhw, size_1M11, self.gain(rows, columns), quality.qualities()
        )
        return z_BNuv

    def _has_table(self) -> Tensor:
        """Which hyper-latents have a table that says anything."""
        return self._qualities.on(_COARSE).field(self._hyper_indices_KN >= SILENT)

    def _filled_to(self, grid: tuple[int, int]) -> int:
        """How many images the networks are to be given."""
        height, width = (-(-side // RATIO) * RATIO for side in grid)
        return self._company.images_of((height, width)) if self._company.filled else 1

    def _hyper_latents(self, grid: tuple[int, int], sink: SymbolStream, source: _Source | None) -> Tensor:
        wanted_BuvN = None
        if source is not None:
            side = source.side_BuvN
            wanted_BuvN = self.hyper_latents(source.y_BhwM) if side is None else side
        parts = []
        columns = -(-grid[1] // RATIO)
        for rows in _strips(*grid):
            shape = (self._images, (rows.stop - rows.start) // RATIO, columns, self._config.hyper_latents)
            found = self._qualities.part(rows).on(_COARSE).field(self._hyper_indices_KN)
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

    def _analysed(self, y_BhwM: Tensor, rows: slice) -> Tensor:
        """Hyper-latents of some rows, not yet rounded."""
        near, inner = _with_halo(rows, y_BhwM.shape[1], RATIO)
        y_BMhw = _channels_first(y_BhwM[:, near].float())
        size_1M11, here = self._size_M[None, :, None, None], self._qualities.part(near)
        with fast(self._device):
            z_BNuv = in_company(
                lambda y, gain, quality: self._model.hyper_analysis(y, size_1M11, gain, quality),
                y_BMhw,
                _channels_first(here.field(self._gain_KM)),
                here.on(_COARSE).qualities(),
                size=self._filled_to((y_BhwM.shape[1], y_BhwM.shape[2])),
            )
        return z_BNuv.permute(0, 2, 3, 1)[:, inner.start // RATIO : inner.stop // RATIO]

    def _scale_features(self, z_BuvN: Tensor, rows: slice) -> Tensor:
        near, inner = _with_halo(rows, RATIO * z_BuvN.shape[1], RATIO)
        return self._scales.features(z_BuvN[:, near.start // RATIO : near.stop // RATIO])[:, inner]

    def _mean_features(self, z_BuvN: Tensor, rows: slice, size: int) -> Tensor:
        near, inner = _with_halo(rows, RATIO * z_BuvN.shape[1], RATIO)
        z_BNuv = _channels_first(z_BuvN[:, near.start // RATIO : near.stop // RATIO].float())
        quality = self._qualities.part(near).on(_COARSE).qualities()
        with fast(self._device):
            features_BFhw = in_company(self._model.means.features, z_BNuv, quality, size=size)
        return features_BFhw.permute(0, 2, 3, 1)[:, inner]

    def _code(
        self, number: int, rows: slice, state: _State, sink: SymbolStream, source: _Source | None, size: int
    ) -> None:
        """One group: its tables, its means, its symbols, and what they say about the latents."""
        one = self._config.passes[number]
        height, width = state.latents_BhwM.shape[1:3]
        channels, lattice = one.channels, one.lattice
        shape = lattice.shape(rows.stop - rows.start, width)
        if 0 in shape:  # an image of one row or column
            return
        near, inner = _with_halo(rows, height, 1)
        seen, skipped = lattice.seen_from(inner.start)
        kept = slice(skipped, skipped + shape[0])
        magnitudes, latents_BhwM = (
            _before(one, values[:, near, :, : one.context_channels], seen)
            for values in (state.magnitudes_BhwM, state.latents_BhwM)
        )
        around = self._qualities.part(near, slice(0, width))
        indices_BhwC = self._scales.indices(
            number, state.scale_features_BhwS[:, near], magnitudes, around, seen
        )[:, kept]
        features, latents = state.mean_features_BhwF[:, near], latents_BhwM.half().float()
        with fast(self._device):
            means_BChw = in_company(
                lambda f, context, quality: self._model.means.means(number, f, context, quality, seen),
                _channels_first(features),
                _channels_first(latents),
                around.qualities(),
                size=size,
            )
        means_BhwC = means_BChw.permute(0, 2, 3, 1)[:, kept]
        here = self._qualities.part(rows, slice(0, width)).on(lattice)
        gain_BhwC = here.field(self._gain_KM[:, channels])
        steps_BhwC = self._size_M[channels] * gain_BhwC
        wanted = None
        if source is not None:
            y_BhwC = source.y_BhwM[:, rows, :width, channels][:, lattice.rows, lattice.columns]
            worth_BhwC = here.field(self._worth_KM[:, channels])
            wanted = self._wanted(
                y_BhwC * gain_BhwC - means_BhwC * steps_BhwC,
                indices_BhwC,
                None if source.side_BuvN is not None else worth_BhwC,
            )
        symbols = sink.group(wanted, indices_BhwC.cpu().numpy().reshape(self._images, -1))
        r_BhwC = torch.from_numpy(symbols).to(self._device).view(indices_BhwC.shape)
        if state.recorder is not None:
            state.recorder.note(
                (rows, channels, lattice),
                y_hat_BhwC=(means_BhwC + r_BhwC / steps_BhwC) * self._size_M[channels],
                r_BhwC=r_BhwC,
                shift_BhwC=self._shift(indices_BhwC, here.field(self._worth_KM[:, channels])).clamp(max=0.5),
                gain_BhwC=gain_BhwC,
                is_coded_BhwC=indices_BhwC >= SILENT,
            )
        if channels.stop <= state.latents_BhwM.shape[3]:
            mine = state.latents_BhwM[:, rows, :, channels]
            mine[:, lattice.rows, lattice.columns] = (means_BhwC + r_BhwC / steps_BhwC).to(mine.dtype)
        if channels.stop <= state.magnitudes_BhwM.shape[3]:
            mine = state.magnitudes_BhwM[:, rows, :, channels]
            mine[:, lattice.rows, lattice.columns] = self._scales.magnitudes(r_BhwC)

    def _wanted(self, residual_BhwC: Tensor, indices_BhwC: Tensor, worth_BhwC: Tensor | None) -> Symbols:
        """The symbols of residuals in steps, (B, n).

        Args:
            residual_BhwC: in steps.
            indices_BhwC: tables that code them.
            worth_BhwC: by how much a bit shifts where they are rounded; None for those of refined latents, which are
                what a decoder is to have.
        """
        if worth_BhwC is None:
            r_BhwC = residual_BhwC.round()
        else:
            r_BhwC = rounded(residual_BhwC, self._shift(indices_BhwC, worth_BhwC))
        r_BhwC = r_BhwC.clamp_(-SYMBOL_LIMIT, SYMBOL_LIMIT) * (indices_BhwC >= SILENT)
        symbols: Symbols = r_BhwC.to(torch.int16).cpu().numpy().reshape(self._images, -1)
        return symbols

    def _shift(self, indices_BhwC: Tensor, worth_BhwC: Tensor) -> Tensor:
        """By how much the encoder shifts where it rounds, in steps; a bit by `worth_BhwC`."""
        return looked_up(self._bits_K, indices_BhwC) * worth_BhwC


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Source:
    """What is encoded."""

    y_BhwM: Tensor
    side_BuvN: Tensor | None
    """Of refined images."""

    @classmethod
    def of(cls, images: Sequence[AnalysedImage]) -> _Source:
        """The images beside each other; one alone is not copied."""
        sides = [image.side_uvN for image in images if image.side_uvN is not None]
        latents = [image.y_hwC for image in images]
        return cls(y_BhwM=_stacked(latents), side_BuvN=_stacked(sides) if sides else None)


def _stacked(parts: Sequence[Tensor]) -> Tensor:
    return parts[0][None] if len(parts) == 1 else torch.stack(list(parts))


def _before(one: Pass, values_BhwM: Tensor, seen: Lattice) -> Tensor:
    """What a pass may know: not what it has itself coded in the strip above, so that strips know alike."""
    if one.context_channels < one.channels.stop:
        return values_BhwM
    values_BhwM = values_BhwM.clone()
    values_BhwM[:, seen.rows, seen.columns] = 0
    return values_BhwM


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


def _channels_first(a_BhwC: Tensor) -> Tensor:
    """(B, h, w, C) -> (B, C, h, w), the same memory."""
    return a_BhwC.permute(0, 3, 1, 2)
