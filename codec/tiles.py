"""Cutting a latent grid into tiles with halos, so that large images need bounded memory and show no seams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Final

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
    def length(self) -> int:
        """How many positions it reads."""
        return self.read_to - self.read_from

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

    def keeps(self, part: slice) -> bool:
        """Whether some of a part of the whole is its own."""
        return bool(self.keep_from < part.stop and part.start < self.keep_to)

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
    return spans_over(slice(0, length), length, halo, tile)


def spans_over(part: slice, length: int, halo: int, tile: int = TILE) -> list[Span]:
    """The same for a part of those positions."""
    covered = part.stop - part.start
    count = -(-covered // tile)
    edges = [part.start + covered * number // count for number in range(count + 1)]
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
    return tile_grid_over(slice(0, height), slice(0, width), height, width, halo, tile)


def tile_grid_over(
    rows: slice, columns: slice, height: int, width: int, halo: int, tile: int = TILE
) -> Iterator[tuple[Span, Span]]:
    """The same for a part of the grid."""
    return product(spans_over(rows, height, halo, tile), spans_over(columns, width, halo, tile))
