"""Refinement of whole images, tile by tile: the loop around what a family's model does with one tile.

A tile is searched together with a halo, whose latents are then left to the tile that they belong to. So memory is that
of a tile, and what a tile becomes depends on nothing but its image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import cast

from torch import Tensor

from codec.contract import RGB, EncodeOptions, Prepared
from codec.parts.company import company_on, gathered, run_tiles
from codec.parts.image_quality import QualityGrid
from codec.parts.tile_loop import latent_grid, planes_of
from codec.parts.tiled_model import AnalysedImage, RefinableModel, asked_quality
from codec.tiles import Span, tile_grid


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Task:
    """One image to refine."""

    pixels: RGB
    analysed: AnalysedImage
    side_uvN: Tensor
    qualities: QualityGrid
    refined_hwC: Tensor
    """Filled tile by tile."""


class TiledRefiner:
    """Refines with one model."""

    def __init__(self, model: RefinableModel) -> None:
        """Take the model that encodes."""
        self._model = model

    def refine(
        self, images: Sequence[RGB], prepared: Sequence[Prepared], options: Sequence[EncodeOptions]
    ) -> list[Prepared]:
        """Images as `TiledEncoder.finish` is to take them with the same options."""
        refined = list(prepared)
        order = sorted(range(len(images)), key=lambda n: options[n].effort)
        for effort, numbers in groupby(order, key=lambda n: options[n].effort):
            if effort:
                chosen = list(numbers)
                tasks = [self._task(images[n], prepared[n], options[n]) for n in chosen]
                self._run(tasks, effort)
                for n, task in zip(chosen, tasks, strict=True):
                    refined[n] = replace(task.analysed, y_hwC=task.refined_hwC, side_uvN=task.side_uvN)
        return refined

    def _task(self, pixels: RGB, prepared: Prepared, options: EncodeOptions) -> _Task:
        analysed = cast(AnalysedImage, prepared)
        quality = asked_quality(options, analysed, self._model)
        device = self._model.refinement.device
        return _Task(
            pixels=pixels,
            analysed=analysed,
            side_uvN=self._model.side(analysed.y_hwC, quality),
            qualities=QualityGrid.of([quality], multiple=self._model.multiple, device=device),
            refined_hwC=analysed.y_hwC.clone(),
        )

    def _run(self, tasks: Sequence[_Task], effort: int) -> None:
        device = self._model.refinement.device
        tiles = ((task, rows, columns) for task in tasks for rows, columns in self._tiles(task.analysed))
        most = company_on(device).tiles  # a search costs so much that more company would save nothing
        for together in gathered(tiles, _kind, lambda _: most):
            inputs = [self._inputs(task, rows, columns) for task, rows, columns in together]
            outputs = run_tiles(partial(self._model.refine, effort=effort), inputs, device, size=most)
            for (task, rows, columns), y_1Chw in zip(together, outputs, strict=True):
                kept = y_1Chw[0, :, rows.inner, columns.inner].permute(1, 2, 0)
                task.refined_hwC[rows.kept, columns.kept] = kept.to(task.refined_hwC.dtype)

    def _tiles(self, analysed: AnalysedImage) -> Iterator[tuple[Span, Span]]:
        """Tiles of whole multiples, so that each has its own share of the side information, but for those that the
        image's own latents end in."""
        tiling, multiple = self._model.refinement, self._model.multiple
        height, width = latent_grid(analysed.height, analysed.width, tiling.grid)
        coarse = latent_grid(height, width, multiple)
        for rows, columns in tile_grid(*coarse, tiling.halo // multiple, tiling.tile // multiple):
            yield rows.times(multiple, within=height), columns.times(multiple, within=width)

    def _inputs(self, task: _Task, rows: Span, columns: Span) -> tuple[Tensor, ...]:
        """What `RefinableModel.refine` asks for, of one tile."""
        image, grid = task.analysed, self._model.refinement.grid
        x_1CHW = planes_of(task.pixels, rows, columns, grid)
        inside_11HW = x_1CHW.new_zeros(1, 1, *x_1CHW.shape[2:])
        down, across = image.height - grid * rows.read_from, image.width - grid * columns.read_from
        inside_11HW[:, :, :down, :across] = 1.0
        coarse = (_coarse(part.read, self._model.multiple) for part in (rows, columns))
        parts_hwC = (image.y_hwC[rows.read, columns.read], task.side_uvN[tuple(coarse)])
        y_1Chw, side_1Nuv = (part.float().permute(2, 0, 1)[None] for part in parts_hwC)
        device = self._model.refinement.device
        quality = task.qualities.part(rows.read, columns.read).qualities()
        return x_1CHW.to(device), inside_11HW.to(device), y_1Chw, side_1Nuv, quality


def _kind(tile: tuple[_Task, Span, Span]) -> tuple[int, int, bool]:
    """What tiles that are searched together share: their size, and whether their images have maps."""
    task, rows, columns = tile
    return rows.length, columns.length, task.qualities.kinds_Bhw is not None


def _coarse(part: slice, multiple: int) -> slice:
    """The multiples that latent positions lie in."""
    return slice(part.start // multiple, -(-part.stop // multiple))
