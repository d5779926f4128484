"""Both transforms over images: in tiles of 512 pixels, each coded by itself, as photographs in HEIC are.

The networks see one tile and nothing beyond it, in encoder and decoder alike: so what an encoder knows of the picture
so far is exactly what a decoder will show, memory is that of a tile, and a tile is the same in every image. The price
is that neither smooths over a tile's border.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.colour import planes_to_pixels
from codec.contract import RGB
from codec.families.recurrent.config import GRID
from codec.families.recurrent.iterations import EncoderView, PicturesSoFar, moves, squared_error
from codec.families.recurrent.levels import Level
from codec.families.recurrent.model import RecurrentModel
from codec.families.recurrent.symbols import Symbols
from codec.parts.company import company_on, gathered
from codec.parts.space_to_channels import from_patches, to_patches
from codec.parts.tile_loop import latent_grid, planes_of
from codec.tiles import Span, tile_grid

TILE: Final = 32
"""Side of a tile in blocks, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tile:
    """A part of one image of a batch."""

    image: int
    rows: Span
    columns: Span
    iterations: int

    def kind(self) -> tuple[int, int, int]:
        """What tiles that run together share."""
        return self.rows.length, self.columns.length, self.iterations


def encoded(
    model: RecurrentModel, images: Sequence[RGB], levels: Sequence[Level], device: torch.device
) -> list[Symbols]:
    """What is sent of each image at its level."""
    grids = [latent_grid(image.shape[0], image.shape[1], GRID) for image in images]
    found = [
        Symbols.nothing(grid, level.iterations, model.config.coefficients)
        for grid, level in zip(grids, levels, strict=True)
    ]
    for together, size in _together(grids, [level.iterations for level in levels], device):
        planes = [planes_of(images[one.image], one.rows, one.columns, GRID) for one in together]
        p_BKhw = _filled(torch.cat([to_patches(x_1CHW, GRID) for x_1CHW in planes]), size).to(device)
        below_BT = torch.tensor([levels[one.image].stops_below for one in together], device=device)
        sent = _sent(model, p_BKhw, _filled(below_BT, size))
        for iteration, (s_BMhw, sent_B1hw) in enumerate(sent):
            s_BhwM = s_BMhw.permute(0, 2, 3, 1).to(torch.int8).cpu().numpy()
            sent_Bhw = sent_B1hw[:, 0].bool().cpu().numpy()
            for number, one in enumerate(together):
                place = one.rows.kept, one.columns.kept
                found[one.image].moves_ThwM[iteration][place] = s_BhwM[number]
                found[one.image].sent_Thw[iteration][place] = sent_Bhw[number]
    return found


def shown(
    model: RecurrentModel, images: Sequence[Symbols], sizes: Sequence[tuple[int, int]], device: torch.device
) -> list[RGB]:
    """The pictures, (height, width) each, that symbols show."""
    found = [np.empty((height, width, 3), np.uint8) for height, width in sizes]
    grids, iterations = [one.grid for one in images], [one.iterations for one in images]
    for together, size in _together(grids, iterations, device):
        for one, pixels in zip(together, _pictures(model, images, together, size, device), strict=True):
            into = found[one.image][
                one.rows.scaled(one.rows.kept, GRID), one.columns.scaled(one.columns.kept, GRID)
            ]
            into[...] = pixels[: into.shape[0], : into.shape[1]]
    return found


def _together(
    grids: Sequence[tuple[int, int]], iterations: Sequence[int], device: torch.device
) -> Iterator[tuple[list[_Tile], int]]:
    """Tiles that run together, and how large their batch is to be."""
    company = company_on(device)
    tiles = (
        _Tile(image=number, rows=rows, columns=columns, iterations=iterations[number])
        for number, grid in enumerate(grids)
        for rows, columns in tile_grid(*grid, 0, TILE)
    )

    def most(kind: tuple[int, int, int]) -> int:
        return company.tiles_of(kind[:2])

    for together in gathered(tiles, _Tile.kind, most):
        yield together, most(together[0].kind()) if company.filled else len(together)


def _sent(model: RecurrentModel, p_BKhw: Tensor, below_BT: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Moves and who sends them, iteration by iteration."""
    with torch.inference_mode():
        seen = EncoderView(p_BKhw, model)
        sent_B1hw = torch.ones_like(p_BKhw[:, :1])
        for iteration in range(below_BT.shape[1]):
            error_B1hw = squared_error(seen.residual())
            sent_B1hw = sent_B1hw * (error_B1hw >= below_BT[:, iteration].view(-1, 1, 1, 1))
            s_BMhw = moves(seen.wants(), model.threshold_TM[iteration]) * sent_B1hw
            s_BMhw[:, int(model.active_T[iteration]) :] = 0.0
            seen.shown.apply(s_BMhw, sent_B1hw)
            yield s_BMhw, sent_B1hw


def _pictures(
    model: RecurrentModel,
    images: Sequence[Symbols],
    together: Sequence[_Tile],
    size: int,
    device: torch.device,
) -> list[RGB]:
    """What the symbols of some tiles of one kind show."""
    height, width, iterations = together[0].kind()
    with torch.inference_mode():
        pictures = PicturesSoFar(model, (max(size, len(together)), height, width), device)
        for iteration in range(iterations):
            s_BhwM = np.stack(
                [images[one.image].moves_ThwM[iteration][one.rows.kept, one.columns.kept] for one in together]
            )
            sent_Bhw = np.stack(
                [images[one.image].sent_Thw[iteration][one.rows.kept, one.columns.kept] for one in together]
            )
            s_BMhw = torch.from_numpy(s_BhwM).to(device).float().permute(0, 3, 1, 2)
            sent_B1hw = torch.from_numpy(sent_Bhw).to(device).float()[:, None]
            pictures.apply(_filled(s_BMhw, size), _filled(sent_B1hw, size))
        x_BCHW = from_patches(pictures.p_hat_BKhw[: len(together)], GRID)
        return [planes_to_pixels(x_1CHW) for x_1CHW in torch.split(x_BCHW, 1)]


def _filled(parts: Tensor, size: int) -> Tensor:
    """A batch filled up with zeros."""
    spare = size - len(parts)
    return functional.pad(parts, (*(0, 0) * (parts.dim() - 1), 0, spare)) if spare > 0 else parts
