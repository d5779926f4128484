"""A grey picture of which a codec, which knows colours alone, made three channels."""

from __future__ import annotations

from codec.kept_scales import Pixels
from codec.opened import Opened
from pipeline.image.read import from_rgb


class GreyPicture:
    """Implements `codec.opened.Opened`: one channel, whatever it is given."""

    def __init__(self, picture: Opened) -> None:
        """Take what gives three channels, or one."""
        self._picture = picture

    @property
    def width(self) -> int:
        """In pixels."""
        return self._picture.width

    @property
    def height(self) -> int:
        """In pixels."""
        return self._picture.height

    @property
    def holds_bytes(self) -> int:
        """Of what it was given."""
        return self._picture.holds_bytes

    def scaled(self, denominator: int) -> Pixels:
        """The whole picture, smaller."""
        return _grey(self._picture.scaled(denominator))

    def region(self, left: int, top: int, width: int, height: int) -> Pixels:
        """A part of all pixels."""
        return _grey(self._picture.region(left, top, width, height))

    def whole(self) -> Pixels:
        """All pixels."""
        return _grey(self._picture.whole())


def _grey(pixels: Pixels) -> Pixels:
    return from_rgb(pixels, grey=True) if pixels.shape[2] == 3 else pixels
