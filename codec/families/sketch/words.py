"""Words as a network takes them: which of some hundred places each falls into, mean over all; the order is lost.

Shape legend: B images, V places, E values of an embedding.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

import torch
from torch import Tensor, nn

from codec.parts.blocks import Product
from codec.parts.start_values import zero

_PLACES: Final = 1024
_WORD: Final = re.compile(r"[^\W_]+")


def places_of(words: str | None) -> Tensor:
    """(V,) shares of words that fall into each place, which sum to 1; zeros where nobody says anything."""
    shares_V = torch.zeros(_PLACES)
    found = _WORD.findall((words or "").casefold())
    for word in found:
        shares_V[zlib.crc32(word.encode()) % _PLACES] += 1.0 / len(found)
    return shares_V


class Told(nn.Module):
    """What features are moved by where somebody says what a picture shows; by nothing where nobody does."""

    def __init__(self, values: int, *widths: int) -> None:
        super().__init__()
        self.table = Product(_PLACES, values, bias=False)
        self.shifts = nn.ModuleList([Product(values, width, bias=False) for width in widths])
        for shift in self.shifts:
            assert isinstance(shift, Product)
            zero(shift.weight)

    def forward(self, shares_BV: Tensor) -> list[Tensor]:
        """(B, width, 1, 1) for each of the widths."""
        told_BE11 = self.table(shares_BV[:, :, None, None])
        return [shift(told_BE11) for shift in self.shifts]
