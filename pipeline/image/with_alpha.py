"""A picture and its alpha as channels of one, in any size: colours count by how opaque they are.

What lies under transparent pixels is nobody's to see, and mostly black: averaged alone, it would darken every edge.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from codec.kept_scales import KeptScales, Pixels
from codec.opened import Opened
from codec.sizes import reduced


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
        if not self._is_opaque:
            return reduced(self.whole(), denominator)
        return np.concatenate([self._colour.scaled(denominator), self._alpha.scaled(denominator)], axis=2)


def with_alpha(colour: Opened, alpha: Opened | None) -> Opened:
    """The same; without an alpha plane the colours alone."""
    return colour if alpha is None else WithAlpha(colour, alpha)
