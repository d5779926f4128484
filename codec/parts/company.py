"""What runs together: tiles of one shape, small images of one grid. Company changes no bit of what becomes of any.

A GPU chooses how it multiplies by the size of a batch. So there a batch in which images mix has always the same size,
and is filled up with zeros. A CPU whose products give a row the same bits whatever rows are beside it needs no filling;
whether this one does is tried once in a process.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from codec.parts.blocks import product
from codec.parts.depthwise import depthwise
from codec.parts.precision import fast

_Item = TypeVar("_Item")
_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """How much a device runs in one call."""

    positions: int
    """Latent positions of small images, about: what a call costs whatever it is for is then a tenth of its time."""
    tiles: int
    """Tiles, however large."""
    filled: bool
    """Whether a batch in which images mix is filled up to the size it has at most."""

    def images_of(self, grid: tuple[int, int]) -> int:
        """How many images of a latent grid walk together."""
        return max(1, self.positions // (grid[0] * grid[1]))

    def tiles_of(self, shape: tuple[int, int]) -> int:
        """How many tiles of so many rows and columns of latents go through a network together."""
        return max(self.tiles, self.images_of(shape))


def company_on(device: torch.device) -> Company:
    """What suits a device."""
    if device.type == "cpu":
        return Company(positions=1024, tiles=1, filled=not _rows_keep_to_themselves())
    return Company(positions=8192, tiles=8, filled=True)


def gathered(
    items: Iterable[_Item], key: Callable[[_Item], _Key], most: Callable[[_Key], int]
) -> Iterator[list[_Item]]:
    """Items of one key, so many together at most; each item once."""
    begun: dict[_Key, list[_Item]] = {}
    for item in items:
        kind = key(item)
        begun.setdefault(kind, []).append(item)
        if len(begun[kind]) == most(kind):
            yield begun.pop(kind)
    yield from begun.values()


def in_company(network: Callable[..., Tensor], *parts: Tensor, size: int) -> Tensor:
    """`network` of a batch, (B, ...) each, that is filled up with zeros to a size where it is smaller.

    A part after the first may be (1, ...), the same for all of the batch: it stays as it is.
    """
    images = len(parts[0])
    spare = size - images
    if spare <= 0:
        return network(*parts)
    filled = (
        functional.pad(part, (*(0, 0) * (part.dim() - 1), 0, spare)) if len(part) == images else part
        for part in parts
    )
    return network(*filled)[:images]


def run_tiles(
    network: Callable[..., Tensor], tiles: Sequence[tuple[Tensor, ...]], device: torch.device, *, size: int
) -> list[Tensor]:
    """`network` of what every tile consists of, each (1, ...), all of one shape, in a batch of `size` at least."""
    parts = (torch.cat(part).to(device) for part in zip(*tiles, strict=True))
    return list(torch.split(in_company(network, *parts, size=size), 1))


_TRIED_WIDTHS: Final = ((64, 384), (128, 256), (256, 128), (384, 96), (416, 96), (768, 384), (96, 32))
"""Channels in and out, such as the families have."""
_TRIED_SIDES: Final = (1, 2, 4, 6)
_TRIED_IMAGES: Final = 24


@cache
def _rows_keep_to_themselves() -> bool:
    """Whether this CPU's layers give an image the same bits alone and beside others."""
    chance = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=chance, device="cpu", dtype=torch.float32)

    def keeps(layer: Callable[[Tensor], Tensor], f_BIhw: Tensor) -> bool:
        return torch.equal(layer(f_BIhw), torch.cat([layer(one) for one in torch.split(f_BIhw, 1)]))

    with torch.inference_mode(), fast(torch.device("cpu")):
        for channels_in, channels_out in _TRIED_WIDTHS:
            weight, taps = noise(channels_out, channels_in, 1, 1), noise(channels_in, 1, 3, 3)
            for side in _TRIED_SIDES:
                f_BIhw = noise(_TRIED_IMAGES, side, side, channels_in).permute(0, 3, 1, 2)
                if not keeps(lambda f: product(f, weight), f_BIhw):  # noqa: B023  called at once
                    return False
                if not keeps(lambda f: depthwise(f, taps, None), f_BIhw):  # noqa: B023
                    return False
    return True
