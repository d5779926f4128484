"""A picture and its alpha as channels of one, in any size: colours count by how opaque they are.

What lies under transparent pixels is nobody's to see, and mostly black: averaged alone, it would darken every edge.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from codec.kept_scales import KeptScales, Pixels
from codec.opened import Opened
from codec.sizes import DENOMINATORS, reduced

_COARSEST: Final = DENOMINATORS[-1]
_BAND_PIXELS: Final = 2**24
"""Looked at together: a large picture is never held with its alpha."""


class WithAlpha(KeptScales):
    """Implements `codec.opened.Opened`, with one channel more. Not for two threads at once."""

    def __init__(self, colour: Opened, alpha: Opened) -> None:
        """Take colours or grey, and an alpha plane of the same size."""
        super().__init__()
        self._colour, self._alpha = colour, alpha

    @property
    def width(self) -> int:
        """In pixels."""
        return self._colour.width

    @property
    def height(self) -> int:
        """In pixels."""
        return self._colour.height

    @property
    def holds_bytes(self) -> int:
        """Of what it was given: smaller sizes are held here in the place of those."""
        return self._colour.holds_bytes + self._alpha.holds_bytes

    def region(self, left: int, top: int, width: int, height: int) -> Pixels:
        """A part of all pixels."""
        parts = [one.region(left, top, width, height) for one in (self._colour, self._alpha)]
        return np.concatenate(parts, axis=2)

    def whole(self) -> Pixels:
        """All pixels."""
        return np.concatenate([self._colour.whole(), self._alpha.whole()], axis=2)

    @cached_property
    def _is_opaque(self) -> bool:
        return int(self._alpha.whole().min()) == 255

    def _smaller(self, denominator: int) -> Pixels:
        if self._is_opaque:
            parts = [one.scaled(denominator) for one in (self._colour, self._alpha)]
            return np.concatenate(parts, axis=2)
        self._small = self._all_smaller()
        return self._small[denominator]

    def _all_smaller(self) -> dict[int, Pixels]:
        """In every smaller size, from one look at all pixels, a band of rows at a time."""
        rows = max(1, _BAND_PIXELS // (self.width * _COARSEST)) * _COARSEST
        found: dict[int, list[Pixels]] = {denominator: [] for denominator in DENOMINATORS[1:]}
        for top in range(0, self.height, rows):
            band = self.region(0, top, self.width, min(rows, self.height - top))
            for denominator, bands in found.items():
                bands.append(reduced(band, denominator))
        return {denominator: np.concatenate(bands) for denominator, bands in found.items()}


def with_alpha(colour: Opened, alpha: Opened | None) -> Opened:
    """The same; without an alpha plane the colours alone."""
    return colour if alpha is None else WithAlpha(colour, alpha)
