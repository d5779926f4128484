"""From an opened file to arrays: colour or grey, and alpha."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import PIL.Image

from pipeline.image.formats.header import Header

Plane = npt.NDArray[np.uint8]

DECODED_MODES = ("L", "LA", "P", "PA", "RGB", "RGBA")
"""Pillow's modes that `decode` takes."""

_BAND_BYTES = 2**20
"""Pixels leave Pillow in bands that stay in the processor's cache: half the time of one large copy."""


def decode(picture: PIL.Image.Image, header: Header) -> tuple[Plane, Plane | None]:
    """Decode an opened file of one of `DECODED_MODES`.

    Returns:
        Pixels, (H, W, 3) or (H, W, 1), and the alpha plane, (H, W), if there is one. Orientation as stored.
    """
    picture.load()
    mode, key = picture.mode, header.colour_key
    is_grey = header.is_grey or mode in ("L", "LA") or (mode == "P" and _has_grey_palette(picture))
    transparent = picture.info.get("transparency")
    if mode in ("P", "PA"):
        mode = "RGBA" if mode == "PA" or transparent is not None else "RGB"
    elif mode == "L" and key is None and isinstance(transparent, int):
        key = (transparent,)

    width, height = picture.size
    pixels = np.empty((height, width, 1 if is_grey else 3), np.uint8)
    has_plane = mode in ("LA", "RGBA")
    alpha = np.empty((height, width), np.uint8) if has_plane or key is not None else None
    rows = max(1, _BAND_BYTES // (4 * width))
    for top in range(0, height, rows):
        band = picture.crop((0, top, width, min(top + rows, height)))
        array = np.asarray(band if band.mode == mode else band.convert(mode))
        array = array.reshape(array.shape[0], width, -1)
        into = slice(top, top + rows)
        pixels[into] = array[..., : pixels.shape[2]]
        if alpha is not None:
            alpha[into] = array[..., -1] if has_plane else 255 * (array != np.asarray(key)).any(axis=2)
    return pixels, alpha


def _has_grey_palette(picture: PIL.Image.Image) -> bool:
    palette = np.asarray(picture.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())
