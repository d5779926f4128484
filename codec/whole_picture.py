"""A picture that is had whole or not at all: sizes and regions are made of its pixels, which are kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from codec.kept_scales import KeptScales, Pixels
from codec.sizes import check_region, reduced


class WholePicture(KeptScales):
    """Implements `codec.opened.Opened` of whatever gives pixels."""

    def __init__(self, width: int, height: int, give: Callable[[], Pixels], *, channels: int = 3) -> None:
        """Take how large it is, and what gives its pixels: that is called once, when a picture is asked for."""
        super().__init__()
        self._width, self._height, self._channels = width, height, channels
        self._give: Callable[[], Pixels] | None = give
        self._pixels: Pixels | None = None

    @property
    def width(self) -> int:
        """In pixels."""
        return self._width

    @property
    def height(self) -> int:
        """In pixels."""
        return self._height

    @property
    def is_decoded(self) -> bool:
        """Whether its pixels are there."""
        return self._pixels is not None

    @property
    def holds_bytes(self) -> int:
        """Of its pixels, and of the picture in every smaller size."""
        return self._width * self._height * self._channels * 4 // 3

    def region(self, left: int, top: int, width: int, height: int) -> Pixels:
        """A part of its pixels.

        Raises:
            ValueError: it is empty, or not all of it lies in the image.
        """
        check_region(left, top, width, height, within=(self._width, self._height))
        return np.ascontiguousarray(self.whole()[top : top + height, left : left + width])

    def whole(self) -> Pixels:
        """All of its pixels."""
        if self._give is not None:
            self._pixels, self._give = self._give(), None
        assert self._pixels is not None
        return self._pixels

    def _smaller(self, denominator: int) -> Pixels:
        return reduced(self.whole(), denominator)
