"""A network over whole images, tile by tile: the one loop that every analysis and synthesis transform runs in.

What a network gives at a position must depend on no more than `halo` latent positions around it: then tiles equal the
whole, and memory is that of a tile.

Shape legend: x_BCHW YCbCr pixels; y_1Chw latents of one tile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from codec.colour import extended, pixels_to_planes, planes_to_pixels
from codec.contract import RGB
from codec.parts.company import company_on, gathered, run_tiles
from codec.tiles import TILE, Span, tile_grid

Network = Callable[..., Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """How a network is run in tiles."""

    grid: int
    """Pixels per latent position, each way."""
    halo: int
    """Latent positions beside a tile that what it gives depends on."""
    device: torch.device
    """Where the network is."""
    tile: int = TILE
    """Side of a tile in latent positions: a larger one has less halo to compute, and needs more memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnalysedTile:
    """Latents of a part of one image; the parts of an image cover it once."""

    image: int
    """Its number in the batch."""
    place: tuple[slice, slice]
    """Rows and columns of the image's latents."""
    y_1Chw: Tensor
    """On the network's device."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Synthesised:
    """One image that a synthesis transform is to show."""

    tile: Callable[[slice, slice], Tensor]
    """Latents of some rows and columns, (1, C, h, w)."""
    width: int
    height: int
    """In pixels."""
    beside: tuple[Tensor, ...] = ()
    """What else the transform takes, (1, ...) each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tile:
    """A part of one image of a batch."""

    image: int
    rows: Span
    columns: Span

    def shape(self) -> tuple[int, int]:
        """(h, w) of the latents that it reads."""
        return self.rows.length, self.columns.length


def latent_grid(height: int, width: int, grid: int, *, multiple: int = 1) -> tuple[int, int]:
    """(h, w) of an image's latents, rounded up to multiples."""
    rows, columns = (-(-side // (grid * multiple)) * multiple for side in (height, width))
    return rows, columns


def analysed_tiles(
    network: Network, images: Sequence[RGB], tiling: Tiling, *, multiple: int = 1
) -> Iterator[AnalysedTile]:
    """Run an analysis transform, (B, 3, H, W) -> (B, C, h, w), over a batch.

    Args:
        network: the transform. It gets tiles of several images at once.
        images: uint8 (H, W, 3).
        tiling: how to run it.
        multiple: h and w of an image are rounded up to it, which is at most a tile's side; beyond the image its last
            row and column go on.
    """
    sizes = [image.shape[:2] for image in images]
    grids = [latent_grid(height, width, tiling.grid, multiple=multiple) for height, width in sizes]
    tiles = (
        _Tile(image=n, rows=rows, columns=columns)
        for n, grid in enumerate(grids)
        for rows, columns in tile_grid(*grid, tiling.halo, tiling.tile)
    )
    company = company_on(tiling.device)
    for together in gathered(tiles, _Tile.shape, company.tiles_of):
        inputs = [(planes_of(images[one.image], one.rows, one.columns, tiling.grid),) for one in together]
        size = company.tiles_of(together[0].shape()) if company.filled else 1
        with torch.inference_mode():
            outputs = run_tiles(network, inputs, tiling.device, size=size)
        for one, y_1Chw in zip(together, outputs, strict=True):
            kept = y_1Chw[:, :, one.rows.inner, one.columns.inner]
            yield AnalysedTile(image=one.image, place=(one.rows.kept, one.columns.kept), y_1Chw=kept)


def synthesised(network: Network, images: Sequence[Synthesised], tiling: Tiling) -> list[RGB]:
    """Run a synthesis transform, (B, C, h, w) and what else it takes -> (B, 3, H, W), over images of one latent grid.

    Args:
        network: the transform.
        images: one, or as many as `Company.images_of` allows.
        tiling: how to run it.
    """
    grid = latent_grid(images[0].height, images[0].width, tiling.grid)
    tiles = (
        _Tile(image=n, rows=rows, columns=columns)
        for rows, columns in tile_grid(*grid, tiling.halo, tiling.tile)
        for n in range(len(images))
    )
    found = [np.empty((image.height, image.width, 3), np.uint8) for image in images]
    company = company_on(tiling.device)
    mixes = company.filled and company.images_of(grid) > 1
    for together in gathered(tiles, _Tile.shape, company.tiles_of):
        inputs = [
            (images[one.image].tile(one.rows.read, one.columns.read), *images[one.image].beside)
            for one in together
        ]
        size = company.tiles_of(together[0].shape()) if mixes else 1
        with torch.inference_mode():
            outputs = run_tiles(network, inputs, tiling.device, size=size)
        for one, x_1CHW in zip(together, outputs, strict=True):
            down, across = (span.scaled(span.inner, tiling.grid) for span in (one.rows, one.columns))
            place = (
                one.rows.scaled(one.rows.kept, tiling.grid),
                one.columns.scaled(one.columns.kept, tiling.grid),
            )
            target = found[one.image][place]
            target[...] = planes_to_pixels(x_1CHW[:, :, down, across])[: target.shape[0], : target.shape[1]]
    return found


def planes_of(pixels: RGB, rows: Span, columns: Span, grid: int) -> Tensor:
    """The YCbCr planes a tile reads, (1, 3, H, W); beyond the image its last row and column go on."""
    down, across = rows.scaled(rows.read, grid), columns.scaled(columns.read, grid)
    x_1CHW = pixels_to_planes(pixels[down, across], 1)
    return extended(x_1CHW, down.stop - down.start, across.stop - across.start)
