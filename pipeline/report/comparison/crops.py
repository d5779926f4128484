"""What an image lost, to look at: the same piece of original, decoded, and of their difference, as small files."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import PIL.Image

from codec.contract import RGB
from pipeline.image.as_seen import upright

_LONGEST: Final = 768
_SHORTEST: Final = 576
"""Larger images are shown as a piece of this size, pixel for pixel: shrinking would hide what was lost."""
_AMPLIFIED: Final = 8
_FILE_BYTES: Final = 72_000
_QUALITIES: Final = (95, 88, 80, 70, 55, 40)
_DIFFERENCE_QUALITIES: Final = (80, 55, 30, 10, 1)
"""Mostly noise, and only a map of where to look."""
_DIVISORS: Final = (1, 2, 4)
_CELL: Final = 64
_THUMBNAIL: Final = 96
_THUMBNAIL_QUALITY: Final = 60
PICTURE_SETTINGS: Final = (
    f"{_LONGEST} x {_SHORTEST}, difference x {_AMPLIFIED}, {_DIFFERENCE_QUALITIES}, {_FILE_BYTES} bytes, "
    f"thumbnail {_THUMBNAIL}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Three pieces of the same size as `data:` URLs; only the decoded one where there is no original."""

    width: int
    height: int
    left: int
    top: int
    """Where the piece lies in the image as stored."""
    is_whole: bool
    amplified: int
    """The difference times this, around grey."""
    original: str | None
    decoded: str
    difference: str | None
    thumbnail: str
    """All of the decoded image."""


def picture(original: RGB | None, decoded: RGB, *, orientation: int | None) -> Pictures:
    """The piece where the error is largest, or the middle without an original; turned as it is meant to be seen.

    Pieces that cannot be made small files at a decent quality, such as noise, are cut smaller.
    """
    for divisor in _DIVISORS:
        made, fits = _cut(original, decoded, orientation, divisor)
        if fits:
            break
    return made


def _cut(original: RGB | None, decoded: RGB, orientation: int | None, divisor: int) -> tuple[Pictures, bool]:
    """A piece of that part of the usual sides, and whether all its files are as small as they should be."""
    height, width = decoded.shape[:2]
    longest, shortest = _LONGEST // divisor, _SHORTEST // divisor
    tall, wide = (shortest, longest) if width >= height else (longest, shortest)
    tall, wide = min(tall, height), min(wide, width)
    if original is None:
        top, left = (height - tall) // 2, (width - wide) // 2
    else:
        top, left = _largest_error(original, decoded, tall, wide)
    piece = (slice(top, top + tall), slice(left, left + wide))
    files = [_webp(decoded[piece], orientation, _QUALITIES)]
    if original is not None:
        difference = _difference(original[piece], decoded[piece])
        files.append(_webp(original[piece], orientation, _QUALITIES))
        files.append(_webp(difference, orientation, _DIFFERENCE_QUALITIES))
    decoded_url, *others = map(_data_url, files)
    original_url, difference_url = others or (None, None)
    turned = orientation in (5, 6, 7, 8)
    made = Pictures(
        width=tall if turned else wide,
        height=wide if turned else tall,
        left=left,
        top=top,
        is_whole=(tall, wide) == (height, width),
        amplified=_AMPLIFIED,
        original=original_url,
        decoded=decoded_url,
        difference=difference_url,
        thumbnail=_data_url(_thumbnail(decoded, orientation)),
    )
    return made, max(map(len, files)) <= _FILE_BYTES


def _largest_error(original: RGB, decoded: RGB, tall: int, wide: int) -> tuple[int, int]:
    """Top and left of the piece with the most squared error, on a grid of cells."""
    height, width = decoded.shape[:2]
    if (tall, wide) == (height, width):
        return 0, 0
    error = np.zeros((-(-height // _CELL), width), np.float64)
    for number, start in enumerate(range(0, height, _CELL)):  # in strips: an image may have 100 megapixels
        rows = slice(start, start + _CELL)
        difference = original[rows].astype(np.int32) - decoded[rows]
        error[number] = np.square(difference).sum(axis=(0, 2))
    cells = np.add.reduceat(error, np.arange(0, width, _CELL), axis=1)
    summed = np.pad(cells.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    rows, columns = min(-(-tall // _CELL), cells.shape[0]), min(-(-wide // _CELL), cells.shape[1])
    inside = (
        summed[rows:, columns:]
        - summed[:-rows, columns:]
        - summed[rows:, :-columns]
        + summed[:-rows, :-columns]
    )
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    return min(int(row) * _CELL, height - tall), min(int(column) * _CELL, width - wide)


def _difference(original: RGB, decoded: RGB) -> RGB:
    signed = (decoded.astype(np.int16) - original) * _AMPLIFIED + 128
    clipped: npt.NDArray[np.uint8] = np.clip(signed, 0, 255).astype(np.uint8)
    return clipped


def _webp(pixels: RGB, orientation: int | None, qualities: tuple[int, ...]) -> bytes:
    """At the best quality that stays small."""
    shown = upright(PIL.Image.fromarray(np.ascontiguousarray(pixels)), orientation)
    for quality in qualities:
        file = io.BytesIO()
        shown.save(file, "WEBP", quality=quality, method=4)
        if file.tell() <= _FILE_BYTES:
            break
    return file.getvalue()


def _thumbnail(pixels: RGB, orientation: int | None) -> bytes:
    small = PIL.Image.fromarray(np.ascontiguousarray(pixels))
    small.thumbnail((_THUMBNAIL, _THUMBNAIL), reducing_gap=2.0)
    return _webp(np.asarray(small), orientation, (_THUMBNAIL_QUALITY,))


def _data_url(webp: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(webp).decode()
