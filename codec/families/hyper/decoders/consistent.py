"""`consistent`: a picture that is encoded as the very payload it came from, so that what travels through the codec
again and again stays as it is.

The faithful picture is not that: its latents are a little off from those it was made of, its hyper-latents more. From
it a few steps of Newton's kind lead to one whose latents all lie in the payload's cells (`cells.py`):

    y <- analysis(picture)                                as the encoder has them: of 8-bit pixels
    correction <- correction + (nearest y in the cells, with the payload's hyper-latents - y)
    picture <- round(faithful + linear(correction))       within [0, 255]

`linear` is the linear path of the synthesis, which the analysis very nearly undoes; so no gradient of a network of
pixels is needed. What is still wrong after one step is wrong in the next, and what rounding took away adds up. Of
the pictures met the best is taken; the first of them is the faithful one. Encoding anew must not refine, but the
payload may be of any effort. What it costs and reaches: docs/benchmarks/2026-11-29-consistent.md.

Shape legend: y_1hwM latents as analysed, h and w rounded up to multiples of 4; c_1hwM their correction, which ends
where the image's latents do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.colour import ycbcr_to_rgb
from codec.contract import RGB, Decoder, Latents
from codec.families.hyper.config import GRID
from codec.families.hyper.decoders.hyper_step import hyper_step
from codec.families.hyper.latent_strips import RATIO
from codec.parts.tile_loop import analysed_tiles
from codec.parts.tiled_decoder import TiledDecoder
from codec.parts.tiled_latents import TiledLatents, begun
from codec.tiles import Span, tile_grid

if TYPE_CHECKING:  # a codec of such models makes this decoder
    from codec.families.hyper.codec import ResidentModel

CONSISTENT: Final = "consistent"
STEPS: Final = 8
"""At most."""
_MARGIN: Final = 0.1
"""How far within their cells latents are led, in quantiser steps: pixels are whole numbers."""
_TILE: Final = 16
"""Side of a tile in hyper-latents: 1024 pixels."""
_HALO: Final = 1
"""Hyper-latents beside a tile that depend on its latents."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConsistentPicture:
    """A picture, and how far encoding it leads back to its payload."""

    pixels: RGB
    symbols: int
    """Of the payload."""
    hyper_latents_off: int
    """How many are others when the picture is encoded; what is coded after them may then be other symbols, too."""
    latents_off: int
    """How many lie outside the cell of their symbol."""
    steps: int
    """How many were gone."""

    @property
    def is_exact(self) -> bool:
        """Whether the picture is encoded as the same symbols, on this machine."""
        return not self.hyper_latents_off and not self.latents_off


class ConsistentDecoder(Decoder):
    """Shows what a reader of the same models gives."""

    def __init__(self, models: Sequence[ResidentModel]) -> None:
        """Take the models."""
        self._models = {model.digest: model for model in models}
        self._faithful = TiledDecoder(self._models)

    def shows(self, weights_digest: bytes) -> bool:
        """Whether one of the models made payloads of these weights."""
        return weights_digest in self._models

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        """The images, one after the other."""
        return [self.find(one).pixels for one in latents]

    def find(self, latents: Latents) -> ConsistentPicture:
        """One image, and how far it came.

        Args:
            latents: of a whole payload.
        """
        tiled = cast(TiledLatents, latents)
        (faithful,) = self._faithful.synthesise([latents])
        return _Search(self._models[tiled.weights_digest], tiled, faithful).run()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Trial:
    """A picture, as the encoder sees it."""

    pixels: RGB
    y_1hwM: Tensor
    """float16."""
    off: tuple[int, int]
    """Hyper-latents and latents."""


class _Search:
    """One image's."""

    def __init__(self, model: ResidentModel, latents: TiledLatents, faithful: RGB) -> None:
        self._model, self._latents, self._faithful = model, latents, faithful
        again = begun([latents.envelope], model)
        self._coder = model.latent_coder(again.qualities)
        with torch.inference_mode():
            cells = self._coder.cells(again.grid, again.reader)
        height, width = cells.lowest_BhwM.shape[1:3]
        spare = (0, 0, 0, -width % RATIO, 0, -height % RATIO)
        self._lowest_1hwM = functional.pad(cells.lowest_BhwM, spare, value=-torch.inf)
        self._highest_1hwM = functional.pad(cells.highest_BhwM, spare, value=torch.inf)
        self._side_1uvN = cells.side_BuvN
        self._correction_1hwM = torch.zeros_like(cells.lowest_BhwM)

    def run(self) -> ConsistentPicture:
        """Step by step until all symbols are the same."""
        trial = best = self._tried(self._faithful)
        steps = 0
        while any(trial.off) and steps < STEPS:
            for rows, columns in self._tiles():
                self._correct(trial.y_1hwM, rows, columns)
            trial = self._tried(self._shown())
            best = min(best, trial, key=lambda one: one.off)
            steps += 1
        envelope = self._latents.envelope
        return ConsistentPicture(
            pixels=best.pixels,
            symbols=self._model.num_symbols(envelope.width, envelope.height),
            hyper_latents_off=best.off[0],
            latents_off=best.off[1],
            steps=steps,
        )

    def _tiles(self) -> list[tuple[Span, Span]]:
        height, width = self._side_1uvN.shape[1:3]
        return list(tile_grid(height, width, _HALO, _TILE))

    def _tried(self, pixels: RGB) -> _Trial:
        """A picture's latents, by the encoder's own networks."""
        y_1hwM = torch.empty_like(self._lowest_1hwM, dtype=torch.float16)
        for tile in analysed_tiles(self._model.analyse, [pixels], self._model.analysis, multiple=RATIO):
            y_1hwM[(slice(None), *tile.place)] = tile.y_1Chw.permute(0, 2, 3, 1)
        with torch.inference_mode():
            side_1uvN = self._coder.hyper_latents.analysed(y_1hwM)
            side_off = (side_1uvN - self._side_1uvN).abs() > 0.0  # which NaN is not
            off = (y_1hwM < self._lowest_1hwM) | (y_1hwM > self._highest_1hwM)
        return _Trial(pixels=pixels, y_1hwM=y_1hwM, off=(int(side_off.sum()), int(off.sum())))

    def _correct(self, y_1hwM: Tensor, rows: Span, columns: Span) -> None:
        """One tile: lead its latents, and those around it, into their cells and to their hyper-latents."""
        height, width = y_1hwM.shape[1:3]
        down, across = rows.times(RATIO, within=height), columns.times(RATIO, within=width)
        place = (slice(None), down.read, across.read)
        gain = self._coder.hyper_latents.gain(down.read, across.read)
        y_1Mhw, lowest, highest = (
            part[place].permute(0, 3, 1, 2).float()
            for part in (y_1hwM, self._lowest_1hwM, self._highest_1hwM)
        )
        lowest, highest = lowest + _MARGIN / gain, highest - _MARGIN / gain
        side_1Nuv = self._side_1uvN[:, rows.read, columns.read].permute(0, 3, 1, 2)
        nearest_1Mhw = y_1Mhw.clamp(lowest, highest)
        analysis = partial(self._coder.hyper_latents.before_rounding, rows=down.read, columns=across.read)
        aim_1Mhw = hyper_step(analysis, nearest_1Mhw, side_1Nuv, gain)
        aim_1Mhw = aim_1Mhw.clamp(lowest, highest)
        moved_1hwM = (aim_1Mhw - y_1Mhw)[:, :, down.inner, across.inner].permute(0, 2, 3, 1)
        mine = self._correction_1hwM[:, down.kept, across.kept]  # none where the image has no latents
        mine += moved_1hwM[:, : mine.shape[1], : mine.shape[2]]

    def _shown(self) -> RGB:
        """The faithful picture, corrected, in 8 bits."""
        pixels = np.empty_like(self._faithful)
        height, width = self._correction_1hwM.shape[1:3]
        for rows, columns in self._tiles():
            down, across = rows.times(RATIO, within=height), columns.times(RATIO, within=width)
            c_1Mhw = self._correction_1hwM[:, down.kept, across.kept].permute(0, 3, 1, 2)
            with torch.inference_mode():
                rgb_HWC = (ycbcr_to_rgb(self._model.linear_picture(c_1Mhw)) - 0.5)[0].permute(1, 2, 0)
            place = down.scaled(down.kept, GRID), across.scaled(across.kept, GRID)
            faithful = self._faithful[place]
            change = _folded(_folded(255.0 * rgb_HWC, faithful.shape[0], 0), faithful.shape[1], 1)
            pixels[place] = np.clip(np.rint(faithful + change.cpu().numpy()), 0, 255)
        return pixels


def _folded(change_HWC: Tensor, length: int, axis: int) -> Tensor:
    """A change of so many rows or columns: what it was to be beyond the image, where the last one goes on, that one
    takes its part in."""
    inside, last = change_HWC.tensor_split([length - 1], axis)
    return torch.cat((inside, last.mean(axis, keepdim=True)), axis)
