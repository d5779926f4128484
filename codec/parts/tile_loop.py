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
from codec.tiles import TILE, Span, tile_grid, tile_grid_over

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


def _nothing(rows: slice, columns: slice) -> tuple[Tensor, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Synthesised:
    """One image that a synthesis transform is to show."""

    tile: Callable[[slice, slice], Tensor]
    """Latents of some rows and columns, (1, C, h, w)."""
    width: int
    height: int
    """In pixels."""
    other_inputs: Callable[[slice, slice], tuple[Tensor, ...]] = _nothing
    """What else the transform takes at the same rows and columns, (1, ...) each."""

    def grid(self, tiling: Tiling) -> tuple[int, int]:
        """(h, w) of its latents."""
        return latent_grid(self.height, self.width, tiling.grid)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tile:
    """A part of one image of a batch."""

    image: int
    rows: Span
    columns: Span

    def shape(self) -> tuple[int, int]:
        """(h, w) of the latents that it reads."""
        return self.rows.length, self.columns.length

    def place(self, grid: int) -> tuple[slice, slice]:
        """Rows and columns of pixels that are its own; the last ones may lie beyond the image."""
        return self.rows.scaled(self.rows.kept, grid), self.columns.scaled(self.columns.kept, grid)


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
    tiles = (
        _Tile(image=n, rows=rows, columns=columns)
        for rows, columns in tile_grid(*images[0].grid(tiling), tiling.halo, tiling.tile)
        for n in range(len(images))
    )
    found = [np.empty((image.height, image.width, 3), np.uint8) for image in images]
    for together in gathered(tiles, _Tile.shape, company_on(tiling.device).tiles_of):
        for one, pixels in _shown(network, images, together, tiling):
            _paste(pixels, one.place(tiling.grid), found[one.image], (0, 0))
    return found


def synthesised_part(
    network: Network, image: Synthesised, tiling: Tiling, rows: slice, columns: slice
) -> RGB:
    """Some rows and columns of the pixels that `synthesised` gives of one image, equal to those.

    Where a device gives a position the same bits whatever is beside it, a network runs over what the part needs;
    elsewhere over those tiles of the whole in which the part lies, in the company that they have there.
    """
    height, width = image.grid(tiling)
    company = company_on(tiling.device)
    down, across = (
        slice(part.start // tiling.grid, -(-part.stop // tiling.grid)) for part in (rows, columns)
    )
    if company.filled:
        spans_each = tile_grid(height, width, tiling.halo, tiling.tile)
    else:
        spans_each = tile_grid_over(down, across, height, width, tiling.halo, tiling.tile)
    tiles = (_Tile(image=0, rows=part, columns=other) for part, other in spans_each)
    found = np.empty((rows.stop - rows.start, columns.stop - columns.start, 3), np.uint8)
    for together in gathered(tiles, _Tile.shape, company.tiles_of):
        if any(one.rows.keeps(down) and one.columns.keeps(across) for one in together):
            for one, pixels in _shown(network, [image], together, tiling):
                _paste(pixels, one.place(tiling.grid), found, (rows.start, columns.start))
    return found


def _shown(
    network: Network, images: Sequence[Synthesised], together: Sequence[_Tile], tiling: Tiling
) -> Iterator[tuple[_Tile, RGB]]:
    """The pixels that some tiles of one shape keep, beyond the image's edge too."""
    company = company_on(tiling.device)
    mixes = company.filled and company.images_of(images[0].grid(tiling)) > 1
    inputs = [
        (image.tile(one.rows.read, one.columns.read), *image.other_inputs(one.rows.read, one.columns.read))
        for one, image in ((one, images[one.image]) for one in together)
    ]
    size = company.tiles_of(together[0].shape()) if mixes else 1
    with torch.inference_mode():
        outputs = run_tiles(network, inputs, tiling.device, size=size)
    for one, x_1CHW in zip(together, outputs, strict=True):
        down, across = (span.scaled(span.inner, tiling.grid) for span in (one.rows, one.columns))
        yield one, planes_to_pixels(x_1CHW[:, :, down, across])


def _paste(pixels: RGB, place: tuple[slice, slice], into: RGB, corner: tuple[int, int]) -> None:
    """Put a tile's pixels where they belong, as far as that is there.

    Args:
        pixels: of the tile.
        place: its rows and columns in the image.
        into: a part of the image.
        corner: the row and column of the image with which the part begins.
    """
    sources, targets = [], []
    for own, begin, length in zip(place, corner, into.shape[:2], strict=True):
        start = max(own.start, begin)
        stop = max(start, min(own.stop, begin + length))
        sources.append(slice(start - own.start, stop - own.start))
        targets.append(slice(start - begin, stop - begin))
    into[tuple(targets)] = pixels[tuple(sources)]


def planes_of(pixels: RGB, rows: Span, columns: Span, grid: int) -> Tensor:
    """The YCbCr planes a tile reads, (1, 3, H, W); beyond the image its last row and column go on."""
    down, across = rows.scaled(rows.read, grid), columns.scaled(columns.read, grid)
    x_1CHW = pixels_to_planes(pixels[down, across], 1)
    return extended(x_1CHW, down.stop - down.start, across.stop - across.start)
