"""Which part of a picture is wanted, and how large."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pipeline.errors import ConfigError

_REGION: Final = re.compile(r"(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9})", re.ASCII)

Region = tuple[int, int, int, int]
"""Left, top, width and height, in pixels of the whole picture as it is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A part of a picture, or all of it, at its own size or smaller."""

    region: Region | None = None
    """None for the whole picture."""
    size: int | None = None
    """The longer side of what comes, in pixels, at most; None for as it is. Nothing is made larger."""

    def __post_init__(self) -> None:
        """See that there is something to see."""
        if self.size is not None and self.size < 1:
            raise ConfigError(f"Expected a size of at least 1 pixel, got {self.size}.")
        if self.region is not None and (min(self.region) < 0 or min(self.region[2:]) < 1):
            raise ConfigError(
                f"Expected a region LEFT,TOP,WIDTH,HEIGHT with pixels in it, got {self.region}."
            )


WHOLE: Final = View()


def parse_region(text: str) -> Region:
    """A region as a person writes it: `LEFT,TOP,WIDTH,HEIGHT`.

    Raises:
        ConfigError: it is none.
    """
    match = _REGION.fullmatch(text.replace(" ", ""))
    if match is None:
        raise ConfigError(f"Expected a region LEFT,TOP,WIDTH,HEIGHT in pixels, as 0,0,512,512, got {text!r}.")
    left, top, width, height = map(int, match.groups())
    return left, top, width, height
