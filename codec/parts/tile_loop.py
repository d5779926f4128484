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
from codec.tiles import TILE, Span, run_tiles, tile_grid, windows

Network = Callable[[Tensor], Tensor]


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


def latent_grid(height: int, width: int, grid: int, *, multiple: int = 1) -> tuple[int, int]:
    """(h, w) of an image's latents, rounded up to multiples."""
    rows, columns = (-(-side // (grid * multiple)) * multiple for side in (height, width))
    return rows, columns


def analysed_tiles(
    network: Network, images: Sequence[RGB], tiling: Tiling, *, multiple: int = 1
) -> Iterator[AnalysedTile]:
    """Run an analysis transform, (B, 3, H, W) -> (B, C, h, w), over a batch.

    Args:
        network: the transform. On a GPU it gets tiles of several images at once.
        images: uint8 (H, W, 3).
        tiling: how to run it.
        multiple: h and w of an image are rounded up to it, which is at most a tile's side; beyond the image its last
            row and column go on.
    """
    sizes = [image.shape[:2] for image in images]
    grids = [latent_grid(height, width, tiling.grid, multiple=multiple) for height, width in sizes]
    tiles = ((n, r, c) for n, grid in enumerate(grids) for r, c in tile_grid(*grid, tiling.halo, tiling.tile))
    for window in windows(tiles, tiling.device):
        inputs = [(planes_of(images[n], rows, columns, tiling.grid),) for n, rows, columns in window]
        with torch.inference_mode():
            outputs = run_tiles(network, inputs, tiling.device)
        for (n, rows, columns), y_1Chw in zip(window, outputs, strict=True):
            kept = y_1Chw[:, :, rows.inner, columns.inner]
            yield AnalysedTile(image=n, place=(rows.kept, columns.kept), y_1Chw=kept)


def synthesised(
    network: Network, latents: Callable[[slice, slice], Tensor], tiling: Tiling, *, width: int, height: int
) -> RGB:
    """Run a synthesis transform, (B, C, h, w) -> (B, 3, H, W), over one image.

    Args:
        network: the transform.
        latents: those of some rows and columns, (1, C, h, w).
        tiling: how to run it.
        width, height: of the image, in pixels.
    """
    pixels = np.empty((height, width, 3), np.uint8)
    tiles = tile_grid(*latent_grid(height, width, tiling.grid), tiling.halo, tiling.tile)
    for window in windows(tiles, tiling.device):
        inputs = [(latents(rows.read, columns.read),) for rows, columns in window]
        with torch.inference_mode():
            outputs = run_tiles(network, inputs, tiling.device, of_one_image=True)
        for (rows, columns), x_1CHW in zip(window, outputs, strict=True):
            down, across = (span.scaled(span.inner, tiling.grid) for span in (rows, columns))
            target = pixels[rows.scaled(rows.kept, tiling.grid), columns.scaled(columns.kept, tiling.grid)]
            target[...] = planes_to_pixels(x_1CHW[:, :, down, across])[: target.shape[0], : target.shape[1]]
    return pixels


def planes_of(pixels: RGB, rows: Span, columns: Span, grid: int) -> Tensor:
    """The YCbCr planes a tile reads, (1, 3, H, W); beyond the image its last row and column go on."""
    down, across = rows.scaled(rows.read, grid), columns.scaled(columns.read, grid)
    x_1CHW = pixels_to_planes(pixels[down, across], 1)
    return extended(x_1CHW, down.stop - down.start, across.stop - across.start)
