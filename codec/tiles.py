"""Cutting a latent grid into tiles with halos, so that large images need bounded memory and show no seams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

_Item = TypeVar("_Item")

TILE: Final = 64
"""Side of a tile in latent positions: 1024 pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Latent positions of one tile along one axis: what it reads, and what of that is its own."""

    read_from: int
    read_to: int
    keep_from: int
    keep_to: int

    @property
    def inner(self) -> slice:
        """Where the kept positions lie within those read."""
        return slice(self.keep_from - self.read_from, self.keep_to - self.read_from)

    @property
    def kept(self) -> slice:
        """Where they lie in the whole."""
        return slice(self.keep_from, self.keep_to)

    @property
    def read(self) -> slice:
        """What to read of the whole."""
        return slice(self.read_from, self.read_to)

    def times(self, multiple: int, *, within: int) -> Span:
        """Of a grid so many times as fine, that ends at `within`."""
        ends = (self.read_from, self.read_to, self.keep_from, self.keep_to)
        read_from, read_to, keep_from, keep_to = (min(end * multiple, within) for end in ends)
        return Span(read_from=read_from, read_to=read_to, keep_from=keep_from, keep_to=keep_to)

    def scaled(self, part: slice, grid: int) -> slice:
        """A slice of latent positions as a slice of pixels."""
        return slice(part.start * grid, part.stop * grid)


def spans(length: int, halo: int, tile: int = TILE) -> list[Span]:
    """As few and as equal tiles of at most `tile` positions as cover `length`, each reading up to `halo` beyond."""
    count = -(-length // tile)
    edges = [length * number // count for number in range(count + 1)]
    return [
        Span(
            read_from=max(0, start - halo),
            read_to=min(length, stop + halo),
            keep_from=start,
            keep_to=stop,
        )
        for start, stop in pairwise(edges)
    ]


def tile_grid(height: int, width: int, halo: int, tile: int = TILE) -> Iterator[tuple[Span, Span]]:
    """(rows, columns) of every tile of an (h, w) grid, in raster order."""
    for rows in spans(height, halo, tile):
        for columns in spans(width, halo, tile):
            yield rows, columns


CUDA_BATCH: Final = 8
"""Tiles per kernel launch on a GPU. Where images mix always this many, so that company changes no image's bits."""
_WINDOW: Final = 32
"""Tiles in memory at once on a GPU."""


def windows(items: Iterable[_Item], device: torch.device) -> Iterator[list[_Item]]:
    """As many tiles as may be in memory together on this kind of device."""
    return _chunks(items, 1 if device.type == "cpu" else _WINDOW)


def run_tiles(
    network: Callable[..., Tensor],
    tiles: Sequence[tuple[Tensor, ...]],
    device: torch.device,
    *,
    of_one_image: bool = False,
) -> list[Tensor]:
    """`network` of what every tile consists of, each (1, ...): one tile at a time on a CPU, batches of one shape on a
    GPU. Those are filled up, but not where the tiles are `of_one_image`: then it has no company that could change."""
    if device.type == "cpu":
        return [network(*tile) for tile in tiles]
    by_shape: dict[tuple[torch.Size, ...], list[int]] = {}
    for number, tile in enumerate(tiles):
        by_shape.setdefault(tuple(part.shape for part in tile), []).append(number)
    results: dict[int, Tensor] = {}
    for members in by_shape.values():
        for chunk in _chunks(members, CUDA_BATCH):
            spare = 0 if of_one_image else CUDA_BATCH - len(chunk)
            parts = zip(*(tiles[n] for n in chunk), strict=True)
            outputs = network(*(_filled(torch.cat(part).to(device), spare) for part in parts))
            results.update(zip(chunk, torch.split(outputs, 1), strict=False))
    return [results[number] for number in range(len(tiles))]


def _filled(batch: Tensor, spare: int) -> Tensor:
    """With so many more of nothing but zeros."""
    return functional.pad(batch, (*(0, 0) * (batch.dim() - 1), 0, spare))


def _chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
