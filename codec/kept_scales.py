"""A picture in smaller sizes, each made once and kept."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from codec.sizes import check_denominator

Pixels = npt.NDArray[np.uint8]
"""(H, W, 3) RGB, or (H, W, 1) grey."""


class KeptScales(ABC):
    """What implementations of `codec.opened.Opened` have in common; they say how a smaller picture is made."""

    def __init__(self) -> None:
        """Hold none yet."""
        self._small: dict[int, Pixels] = {}

    def scaled(self, denominator: int) -> Pixels:
        """The whole picture, smaller; what comes back is kept, and not to be written to.

        Raises:
            ValueError: the denominator is none of `codec.sizes.DENOMINATORS`.
            BitstreamError: it is a payload's, which is damaged.
        """
        check_denominator(denominator)
        if denominator == 1:
            return self.whole()
        if denominator not in self._small:
            self._small[denominator] = self._smaller(denominator)
        return self._small[denominator]

    @abstractmethod
    def whole(self) -> Pixels:
        """All pixels."""

    @abstractmethod
    def _smaller(self, denominator: int) -> Pixels:
        """The picture at one over the denominator, 2 or more."""
