"""Small pictures to show at once: a ThumbHash of some 20 bytes, and a WebP of at most 256 pixels a side.

pixels -> averages, in one pass -> upright, in sRGB, 256 pixels -> WebP of 64, 128 or 256, whichever has room
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import PIL.Image

from codec.kept_scales import Pixels
from codec.opened import Opened
from codec.sizes import DENOMINATORS, reduced
from pipeline.image.as_seen import in_srgb, upright
from pipeline.image.thumbhash import thumbhash
from pipeline.image.with_alpha import with_alpha

LARGEST: Final = 256
"""Pixels of the longer side of a preview."""
SIDES: Final = (64, 128, LARGEST)
FEWEST_BYTES: Final = 2048
"""An image whose payload has fewer has neither hash nor preview: it is decoded as soon as it is shown, and its row is
no small part of it already."""
_HASHED: Final = 64
_QUALITY: Final = 55
_METHOD: Final = 4
_GROWTH: Final = 2
"""Twice the side takes at least so many times the bytes; between 2 and 3 times, for photographs."""
_BAND_BYTES: Final = 2**20
"""Pixels are averaged in bands that stay in the processor's cache: a third of the time of one large copy."""


def small_picture(
    pixels: Pixels, *, alpha: Pixels | None = None, icc: bytes | None = None, orientation: int | None = None
) -> PIL.Image.Image:
    """A picture as it is meant to be seen, of at most `LARGEST` pixels a side: RGB, or RGBA where not all is opaque.

    Args:
        pixels: (H, W, 3) RGB or (H, W, 1) grey, as stored.
        alpha: (H, W) or (H, W, 1).
        icc: the colour profile.
        orientation: EXIF, 1 to 8.
    """
    if alpha is not None and int(alpha.min()) < 255:
        pixels = np.concatenate([pixels, alpha.reshape(*pixels.shape[:2], 1)], axis=2)
    averaged = _averaged(pixels, max(1, 2 * max(pixels.shape[:2]) // (3 * LARGEST)))
    shown = upright(in_srgb(_within(averaged, LARGEST), icc), orientation)
    return shown.convert("RGBA" if shown.mode.endswith("A") else "RGB")


def small_picture_of(
    colour: Opened, *, alpha: Opened | None, icc: bytes | None, orientation: int | None
) -> PIL.Image.Image:
    """The `small_picture` of an opened one, for the little work that its smaller sizes take.

    Raises:
        DamagedError, ArchiveError, CodecError: what was opened gives no picture.
    """
    longest = max(colour.width, colour.height)
    scale = max(d for d in DENOMINATORS if d == 1 or longest >= d * LARGEST)
    small, plane = with_alpha(colour, alpha).scaled(scale), None
    if alpha is not None:
        small, plane = small[..., :-1], small[..., -1:]
    return small_picture(small, alpha=plane, icc=icc, orientation=orientation)


def thumbhash_of(picture: PIL.Image.Image) -> bytes:
    """The ThumbHash of a picture that `small_picture` made, 19 to 25 bytes."""
    return thumbhash(np.asarray(_within(picture, _HASHED).convert("RGBA")))


def webp_within(picture: PIL.Image.Image, most_bytes: float) -> bytes | None:
    """The largest preview of a picture that `small_picture` made in so many bytes, as a WebP file of one of `SIDES`.

    None where not even the smallest has room. A picture is never enlarged.
    """
    found: bytes | None = None
    for side in SIDES:
        if found is not None and _GROWTH * len(found) > most_bytes:
            break
        made = _webp(_within(picture, side))
        if len(made) > most_bytes:
            break
        found = made
        if max(picture.size) <= side:
            break
    return found


def _averaged(pixels: Pixels, factor: int) -> PIL.Image.Image:
    """The means of squares of `factor` pixels a side."""
    rows = max(1, _BAND_BYTES // (pixels[0].nbytes * factor)) * factor
    bands = [reduced(pixels[top : top + rows], factor) for top in range(0, len(pixels), rows)]
    averaged = np.concatenate(bands)
    return PIL.Image.fromarray(averaged[..., 0] if averaged.shape[2] == 1 else averaged)


def _within(picture: PIL.Image.Image, side: int) -> PIL.Image.Image:
    longest = max(picture.size)
    if longest <= side:
        return picture
    width, height = (max(1, round(length * side / longest)) for length in picture.size)
    return picture.resize((width, height), PIL.Image.Resampling.BICUBIC)


def _webp(picture: PIL.Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=_QUALITY, method=_METHOD)
    return stream.getvalue()
