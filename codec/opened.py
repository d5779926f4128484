"""A payload that is opened: pictures of any size, and parts of one, for less than the whole takes.

Shape legend: H, W image height and width in pixels.
"""

from __future__ import annotations

from typing import Protocol

from codec.contract import RGB


class Opened(Protocol):
    """One payload, decoded as far as was asked of it so far; what was decoded is kept. Not for two threads at once.

    Pictures are as one decoder shows them. What comes back may be what is held: it is not to be written to.
    """

    @property
    def width(self) -> int:
        """Of the image, in pixels."""
        ...

    @property
    def height(self) -> int:
        """Of the image, in pixels."""
        ...

    @property
    def holds_bytes(self) -> int:
        """Memory that it takes at most, about: what a cache counts."""
        ...

    def scaled(self, denominator: int) -> RGB:
        """The whole picture, smaller: (ceil(H / denominator), ceil(W / denominator), 3).

        A pixel is about the mean of the pixels that it stands for. At 1 it is `whole`.

        Args:
            denominator: of `codec.sizes.DENOMINATORS`: 1, 2, 4, 8 or 16.
        Raises:
            ValueError: it is another number.
            BitstreamError: the payload is damaged.
        """
        ...

    def region(self, left: int, top: int, width: int, height: int) -> RGB:
        """A part of `whole`, equal to it: `whole()[top : top + height, left : left + width]`.

        Raises:
            ValueError: it is empty, or not all of it lies in the image.
            BitstreamError: the payload is damaged.
        """
        ...

    def whole(self) -> RGB:
        """The picture that `Codec.decode` gives, (H, W, 3).

        Raises:
            BitstreamError: the payload is damaged.
        """
        ...


class Opener(Protocol):
    """Payloads -> pictures, where less than the whole can be had for less."""

    def open(self, payload: bytes, *, decoder: str) -> Opened:
        """Take a payload; most of it is decoded when that is needed.

        Args:
            decoder: one of the codec's.
        Raises:
            BitstreamError: it is damaged, truncated, or of another codec.
            UnknownWeightsError: it is sound, and made with weights that are not at hand.
            NoDecoderError: the decoder is for other weights.
        """
        ...
