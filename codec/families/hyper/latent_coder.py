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

import torch
from torch import Tensor

from codec.entropy.range_coder import Symbols
from codec.entropy.symbol_streams import SymbolStream
from codec.entropy.tables import SILENT, SYMBOL_LIMIT
from codec.families.hyper.cells import CellRecorder, Cells
from codec.families.hyper.config import Pass
from codec.families.hyper.deadzone import rounded, shares, table_of_bits, worth
from codec.families.hyper.hyper_latent_coder import COARSE, HyperLatentCoder
from codec.families.hyper.integer_scales import ExactScales, looked_up
from codec.families.hyper.latent_strips import RATIO, channels_first, strips, with_halo
from codec.families.hyper.model import HyperModel
from codec.parts.company import Company, in_company
from codec.parts.image_quality import ImageQuality, QualityGrid
from codec.parts.lattice import Lattice
from codec.parts.precision import fast
from codec.parts.tiled_model import AnalysedImage


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Group:
    """The latents of one strip and one pass, with what is known of them before their symbols are."""

    rows: slice
    width: int
    """Of the grid."""
    coded_by: Pass
    qualities: QualityGrid
    indices_BhwC: Tensor
    means_BhwC: Tensor
    """Over their typical size, as latents are."""
    gain_BhwC: Tensor
    """Quantiser steps per unit of a latent."""
    steps_BhwC: Tensor
    """The same, over their typical size."""

    def part(self, a_BhwM: Tensor) -> Tensor:
        """What values of all latents hold for these, the same memory."""
        strip = a_BhwM[:, self.rows, : self.width, self.coded_by.channels]
        return strip[:, self.coded_by.lattice.rows, self.coded_by.lattice.columns]

    def latents(self, r_BhwC: Tensor) -> Tensor:
        """As a decoder has them, over their typical size."""
        return self.means_BhwC + r_BhwC / self.steps_BhwC


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
        self._model, self._scales = model, scales
        self._config = model.config
        self.channels = self._config.latents
        """M."""
        self._images = len(qualities)
        self._device = model.analysis.size.device
        self._qualities = QualityGrid.of(qualities, multiple=RATIO, device=self._device)
        self.hyper_latents = HyperLatentCoder(
            model, hyper_prior_LN, qualities=self._qualities, images=self._images, company=company
        )
        self._size_M = model.analysis.size
        self._gain_KM = self.hyper_latents.gain_KM
        quality_K1 = self._qualities.distinct()[:, None]
        self._worth_KM = worth(self._gain_KM, quality_K1, shares(self._config.slices, self._device))
        self._bits_K = table_of_bits().to(self._device)

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
        z_BuvN = self.hyper_latents.code(grid, reader, None)
        recorder = CellRecorder((self._images, *grid, self.channels), self._device)
        for _ in self._walked(grid, reader, None, z_BuvN, recorder):
            pass
        return recorder.cells(torch.where(self.hyper_latents.has_table(), z_BuvN.float(), torch.nan))

    def slices(
        self, grid: tuple[int, int], sink: SymbolStream, images: Sequence[AnalysedImage] | None = None
    ) -> Iterator[tuple[int, Tensor]]:
        """`run`, slice by slice: whoever asks for no further ones has taken no further symbols.

        Yields:
            How many latent channels, from the first, are coded by now; and the latents that `run` returns, in which
            the others are still to come.
        """
        source = None if images is None else _Source.of(images)
        wanted_BuvN = None
        if source is not None:
            side = source.side_BuvN
            wanted_BuvN = self.hyper_latents.analysed(source.y_BhwM) if side is None else side
        z_BuvN = self.hyper_latents.code(grid, sink, wanted_BuvN)
        yield from self._walked(grid, sink, source, z_BuvN, None)

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
        parts = list(strips(*grid))
        context = self._config.context_channels
        kind, kept = (torch.float32, self._config.latents) if sink.reads else (torch.float16, context)
        size = self.hyper_latents.filled_to(grid)
        scale_parts = [self._scale_features(z_BuvN, rows) for rows in parts]
        mean_parts = [self._mean_features(z_BuvN, rows, size) for rows in parts]
        shape = (self._images, height, width)
        state = _State(
            scale_features_BhwS=torch.cat(scale_parts, 1)[:, :height, :width],
            mean_features_BhwF=torch.cat(mean_parts, 1)[:, :height, :width],
            latents_BhwM=torch.zeros(*shape, kept, dtype=kind, device=self._device),
            magnitudes_BhwM=torch.zeros(*shape, context, dtype=torch.uint8, device=self._device),
            recorder=recorder,
        )
        for number, one in enumerate(self._config.passes):
            for rows in parts:
                self._code(number, slice(rows.start, min(rows.stop, height)), state, sink, source, size)
            if one.ends_slice:
                yield one.channels.stop, state.latents_BhwM

    def dequantised(self, latents_BhwM: Tensor) -> Tensor:
        """Latents over their size become y_hat, in units of orthonormal coefficients, where they lie."""
        return latents_BhwM.mul_(self._size_M[: latents_BhwM.shape[3]])

    def _scale_features(self, z_BuvN: Tensor, rows: slice) -> Tensor:
        near, inner = with_halo(rows, RATIO * z_BuvN.shape[1], RATIO)
        return self._scales.features(z_BuvN[:, near.start // RATIO : near.stop // RATIO])[:, inner]

    def _mean_features(self, z_BuvN: Tensor, rows: slice, size: int) -> Tensor:
        near, inner = with_halo(rows, RATIO * z_BuvN.shape[1], RATIO)
        z_BNuv = channels_first(z_BuvN[:, near.start // RATIO : near.stop // RATIO].float())
        quality = self._qualities.part(near).on(COARSE).qualities()
        with fast(self._device):
            features_BFhw = in_company(self._model.means.features, z_BNuv, quality, size=size)
        return features_BFhw.permute(0, 2, 3, 1)[:, inner]

    def _code(
        self, number: int, rows: slice, state: _State, sink: SymbolStream, source: _Source | None, size: int
    ) -> None:
        """One group: its tables, its means, its symbols, and what they say about the latents."""
        one = self._config.passes[number]
        if 0 in one.lattice.shape(rows.stop - rows.start, state.latents_BhwM.shape[2]):
            return  # an image of one row or column
        group = self._foreseen(number, rows, state, size)
        symbols = sink.group(
            None if source is None else self._wanted(group, source),
            group.indices_BhwC.cpu().numpy().reshape(self._images, -1),
        )
        r_BhwC = torch.from_numpy(symbols).to(self._device).view(group.indices_BhwC.shape)
        if state.recorder is not None:
            state.recorder.note(
                (rows, one.channels, one.lattice),
                y_hat_BhwC=group.latents(r_BhwC) * self._size_M[one.channels],
                r_BhwC=r_BhwC,
                shift_BhwC=self._shift(group).clamp(max=0.5),
                gain_BhwC=group.gain_BhwC,
                is_coded_BhwC=group.indices_BhwC >= SILENT,
            )
        if one.channels.stop <= state.latents_BhwM.shape[3]:
            group.part(state.latents_BhwM).copy_(group.latents(r_BhwC))
        if one.channels.stop <= state.magnitudes_BhwM.shape[3]:
            group.part(state.magnitudes_BhwM).copy_(self._scales.magnitudes(r_BhwC))

    def _foreseen(self, number: int, rows: slice, state: _State, size: int) -> _Group:
        """What is known of a group before its symbols are."""
        one = self._config.passes[number]
        height, width = state.latents_BhwM.shape[1:3]
        near, inner = with_halo(rows, height, 1)
        seen, skipped = one.lattice.seen_from(inner.start)
        kept = slice(skipped, skipped + one.lattice.shape(rows.stop - rows.start, width)[0])
        magnitudes, latents_BhwM = (
            _before(one, values[:, near, :, : one.context_channels], seen)
            for values in (state.magnitudes_BhwM, state.latents_BhwM)
        )
        around = self._qualities.part(near, slice(0, width))
        indices_BhwC = self._scales.indices(
            number, state.scale_features_BhwS[:, near], magnitudes, around, seen
        )[:, kept]
        with fast(self._device):
            means_BChw = in_company(
                lambda f, context, quality: self._model.means.means(number, f, context, quality, seen),
                channels_first(state.mean_features_BhwF[:, near]),
                channels_first(latents_BhwM.half().float()),
                around.qualities(),
                size=size,
            )
        qualities = self._qualities.part(rows, slice(0, width)).on(one.lattice)
        gain_BhwC = qualities.field(self._gain_KM[:, one.channels])
        return _Group(
            rows=rows,
            width=width,
            coded_by=one,
            qualities=qualities,
            indices_BhwC=indices_BhwC,
            means_BhwC=means_BChw.permute(0, 2, 3, 1)[:, kept],
            gain_BhwC=gain_BhwC,
            steps_BhwC=self._size_M[one.channels] * gain_BhwC,
        )

    def _wanted(self, group: _Group, source: _Source) -> Symbols:
        """The symbols of what is encoded, (B, n). Those of refined latents are what a decoder is to have."""
        y_BhwC = group.part(source.y_BhwM)
        residual_BhwC = y_BhwC * group.gain_BhwC - group.means_BhwC * group.steps_BhwC
        is_refined = source.side_BuvN is not None
        r_BhwC = residual_BhwC.round() if is_refined else rounded(residual_BhwC, self._shift(group))
        r_BhwC = r_BhwC.clamp_(-SYMBOL_LIMIT, SYMBOL_LIMIT) * (group.indices_BhwC >= SILENT)
        symbols: Symbols = r_BhwC.to(torch.int16).cpu().numpy().reshape(self._images, -1)
        return symbols

    def _shift(self, group: _Group) -> Tensor:
        """By how much the encoder shifts where it rounds, in steps."""
        worth_BhwC = group.qualities.field(self._worth_KM[:, group.coded_by.channels])
        return looked_up(self._bits_K, group.indices_BhwC) * worth_BhwC


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
