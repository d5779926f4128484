"""Small pictures of an image, made once: each tile of a viewer is a part of one of them."""

from __future__ import annotations

from codec.contract import Opened
from codec.whole_picture import Pixels


class RememberedScales:
    """Implements `Opened` by another, whose smaller pictures are kept: at most a third of its pixels in all."""

    def __init__(self, opened: Opened) -> None:
        """Take who makes them."""
        self._opened = opened
        self._scales: dict[int, Pixels] = {}

    @property
    def width(self) -> int:
        """In pixels."""
        return self._opened.width

    @property
    def height(self) -> int:
        """In pixels."""
        return self._opened.height

    @property
    def holds_bytes(self) -> int:
        """With the pictures that are kept."""
        return self._opened.holds_bytes + sum(pixels.nbytes for pixels in self._scales.values())

    def scaled(self, denominator: int) -> Pixels:
        """As `Opened.scaled`."""
        if denominator == 1:
            return self._opened.whole()
        if denominator not in self._scales:
            self._scales[denominator] = self._opened.scaled(denominator)
        return self._scales[denominator]

    def region(self, left: int, top: int, width: int, height: int) -> Pixels:
        """As `Opened.region`."""
        return self._opened.region(left, top, width, height)

    def whole(self) -> Pixels:
        """As `Opened.whole`."""
        return self._opened.whole()
