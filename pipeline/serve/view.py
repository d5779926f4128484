"""What is shown of an image, whoever asks for it: a part, in a size, turned, in a colour, in a format of file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from codec.contract import FAITHFUL
from pipeline.decode.view_size import scale_for
from pipeline.image.as_seen import SWAPS_SIDES

Box = tuple[int, int, int, int]
"""(left, top, width, height) in pixels."""
ViewFormat = Literal["jpeg", "png", "webp"]
Colours = Literal["default", "gray", "bitonal"]

MEDIA_TYPES: Final[dict[ViewFormat, str]] = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A picture to make of an image. Equal views of one image are equal files."""

    region: Box
    """In the upright image."""
    width: int
    """Of what `region` shows, before it is mirrored and turned."""
    height: int
    is_mirrored: bool = False
    """From left to right, before it is turned."""
    quarter_turns: int = 0
    """Clockwise, 0 to 3."""
    colours: Colours = "default"
    fmt: ViewFormat = "jpeg"
    decoder: str = FAITHFUL
    """What shows it where it was coded."""
    decoder_files: tuple[str, ...] = ()
    """Digests of the weights files that the archive keeps of that decoder, of any but the faithful one."""

    def denominator(self, width: int, height: int, orientation: int | None) -> int:
        """One over the scale at which it is cut out of the image: a power of two up to 16.

        Args:
            width: of the image as stored.
            height: of the image as stored.
            orientation: EXIF's, 1 to 8.
        """
        region = as_stored(self.region, width, height, orientation)
        return scale_for(region, upright_size(self.width, self.height, orientation), (width, height))


def upright_size(width: int, height: int, orientation: int | None) -> tuple[int, int]:
    """Width and height of an image as it is to be looked at.

    Args:
        width: as stored.
        height: as stored.
        orientation: EXIF's, 1 to 8.
    """
    return (height, width) if orientation in SWAPS_SIDES else (width, height)


def as_stored(region: Box, width: int, height: int, orientation: int | None) -> Box:
    """Where a region of the upright image lies in the pixels as they are stored.

    Args:
        width: of the image as stored.
        height: of the image as stored.
        orientation: EXIF's, 1 to 8.
    """
    left, top, across, down = region
    if orientation in SWAPS_SIDES:
        left, top, across, down = top, left, down, across
    if orientation in (2, 3, 7, 8):
        left = width - left - across
    if orientation in (3, 4, 6, 7):
        top = height - top - down
    return left, top, across, down
