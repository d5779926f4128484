"""What shows an image at once, into its row: made of the pixels that are at hand while its payload is checked."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import PIL.Image

from pipeline.encode.types import Fetched
from pipeline.image.first_frame import first_frame
from pipeline.image.preview import FEWEST_BYTES, small_picture, small_picture_of, thumbhash_of, webp_within
from pipeline.image.read import ReadLimits
from pipeline.image.write import alpha_plane
from pipeline.types import Image, ShardRow

_SHARE: Final = 0.01
"""Of the payload, that a preview may take."""


def with_preview(row: ShardRow, fetched: Fetched, limits: ReadLimits) -> ShardRow:
    """The row with a ThumbHash and, where there is room, a preview; as it is where there is nothing to see.

    What cannot be shown is no reason to fail an image: it does without.
    """
    if row.payload is None or len(row.payload) < FEWEST_BYTES:
        return row
    try:
        picture = _picture(fetched, limits)
        if picture is None:
            return row
        preview = webp_within(picture, _SHARE * len(row.payload))
        return replace(row, thumbhash=thumbhash_of(picture), preview=preview)
    except Exception:  # noqa: BLE001  the row boundary: decoders raise nearly everything on hostile files
        return row


def _picture(fetched: Fetched, limits: ReadLimits) -> PIL.Image.Image | None:
    content = fetched.content
    if isinstance(content, Image):
        alpha = None if content.alpha is None else alpha_plane(content.alpha, content.height, content.width)
        return small_picture(content.pixels, alpha=alpha, icc=content.icc, orientation=content.orientation)
    if isinstance(content, str) or content.fault is not None or fetched.data is None:
        return None
    frame = first_frame(fetched.data, name=fetched.source.key, limits=limits)
    return small_picture_of(frame.colour, alpha=frame.alpha, icc=frame.icc, orientation=frame.orientation)
