"""An image on its way into an encoder that can do nothing before it knows the quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from codec.contract import RGB, Prepared


@dataclass(frozen=True, slots=True, eq=False)
class WaitingImage:
    """Its pixels. Implements `codec.contract.Prepared`."""

    pixels: RGB

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[0])


def pixels_of(prepared: Sequence[Prepared]) -> list[RGB]:
    """The images that an encoder's `prepare` gave as `WaitingImage`."""
    return [cast(WaitingImage, one).pixels for one in prepared]
