"""Which of several sets of weights codes an image smallest at equal quality: estimated on its middle.

An archive may have learned from one kind of its images what helps these, and costs others. The middle of each image is
coded and decoded with every set; the rest of it only with the one that is chosen. Its payload names that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from codec.codec import Codec
from codec.contract import RGB, EncodeOptions
from codec.metrics import psnr_db
from pipeline.encode.centre import centre

_PIXELS: Final = 256 * 256
"""Of the middle: 1 % more work on an image of 6 megapixels."""
_GLANCED_AT: Final = 128 * 128
"""Where many images are only sorted."""
_RATE_OF_A_DB: Final = 0.18
"""Growth of the bytes' logarithm with one dB: a level of quality is 4.5 % of the bytes and a quarter of a dB."""
_IDENTICAL_DB: Final = 100.0


class WeightsChoice:
    """One codec with one or several sets of weights."""

    def __init__(self, codecs: Sequence[Codec], quality: float) -> None:
        """Take the codecs, which differ in their weights alone; of two that are as good the first is chosen.

        Args:
            quality: at which they are compared.
        """
        self._codecs = codecs
        self._options = EncodeOptions(quality=quality)

    @property
    def first(self) -> Codec:
        """What is taken where nothing is to be compared."""
        return self._codecs[0]

    def of(self, image: RGB) -> Codec:
        """The codec for an image."""
        if len(self._codecs) == 1:
            return self.first
        middle = centre(image, _PIXELS)
        return min(self._codecs, key=lambda codec: self._cost(codec, middle))

    def gain(self, image: RGB) -> float:
        """Share of an image's bytes that its choice saves over the first codec, at equal quality: at a glance."""
        middle = centre(image, _GLANCED_AT)
        costs = [self._cost(codec, middle) for codec in self._codecs]
        return 1.0 - math.exp(min(costs) - costs[0])

    def _cost(self, codec: Codec, middle: RGB) -> float:
        """Logarithm of the bytes, as they would be at some one PSNR."""
        (encoded,) = codec.encode([middle], self._options)
        (decoded,) = codec.decode([encoded.payload])
        reached = min(psnr_db(middle, decoded.pixels), _IDENTICAL_DB)
        return math.log(len(encoded.payload)) - _RATE_OF_A_DB * reached
