"""A picture as it is meant to be seen: upright, and in the colours that screens expect."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final

import PIL.Image
from PIL import ImageCms

_TURNS: Final = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
"""What each EXIF orientation asks of a viewer; 1 asks nothing."""
SWAPS_SIDES: Final = (5, 6, 7, 8)
"""Those that make width of height."""
_BACK: Final = _TURNS | {6: _TURNS[8], 8: _TURNS[6]}
"""What undoes it."""
_PROFILES: Final = 32
"""A source has few: those of its cameras."""


def upright(picture: PIL.Image.Image, orientation: int | None) -> PIL.Image.Image:
    """Turned and mirrored as an EXIF orientation says; as it is where that is None or says nothing."""
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def as_stored(picture: PIL.Image.Image, orientation: int | None) -> PIL.Image.Image:
    """What `upright` made of a picture, as it was before."""
    return picture.transpose(_BACK[orientation]) if orientation in _BACK else picture


def in_srgb(picture: PIL.Image.Image, icc: bytes | None) -> PIL.Image.Image:
    """The same picture, in the same mode, in the colours of sRGB.

    Args:
        picture: in mode L, LA, RGB or RGBA.
        icc: the profile that says what its samples mean. One that is damaged, or speaks of other channels, says
            nothing: the samples are taken for sRGB then, as without one.
    """
    colour = picture.convert(picture.mode.removesuffix("A"))
    transform = None if icc is None else _to_srgb(icc, colour.mode)
    if transform is None:
        return picture
    shown = ImageCms.applyTransform(colour, transform)
    assert shown is not None, "only a transform in place gives none"
    shown = shown.convert(colour.mode)
    if picture.mode != colour.mode:
        shown.putalpha(picture.getchannel("A"))
    return shown


@lru_cache(_PROFILES)
def _to_srgb(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        return ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None
