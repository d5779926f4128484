"""From an opened image to the file of a view."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import PIL.Image
from PIL.Image import Transpose

from pipeline.decode.opened_image import OpenedImage
from pipeline.errors import RestoreError
from pipeline.image.as_seen import in_srgb, upright
from pipeline.image.generated import marked_generated
from pipeline.image.write import to_pillow
from pipeline.image.writers.embedded import xmp_option
from pipeline.serve.view import View, ViewFormat, as_stored, upright_size

_CLOCKWISE: Final = (None, Transpose.ROTATE_270, Transpose.ROTATE_180, Transpose.ROTATE_90)
_WRITTEN: Final[Mapping[ViewFormat, Mapping[str, Any]]] = {
    "jpeg": {"quality": 90, "subsampling": "4:4:4"},
    "webp": {"quality": 85, "method": 2},
    "png": {"compress_level": 1},
}
"""How files are written: for whoever waits. `image_id.RENDERER` grows with any change."""


def render(opened: OpenedImage, view: View, orientation: int | None) -> bytes:
    """Make the file of a view: upright, without EXIF, which says where and by whom a picture was taken. One that shows
    more than was stored says so in XMP.

    All pixels of a region keep the image's colour profile; fewer are converted to sRGB, which every viewer shows.

    Args:
        orientation: of the image, EXIF's.
    Raises:
        RestoreError: the format cannot hold it.
        DamagedError, ArchiveError, CodecError: what is stored gives no picture.
    """
    region = as_stored(view.region, opened.width, opened.height, orientation)
    stored = opened.resampled(*upright_size(view.width, view.height, orientation), region=region)
    picture = to_pillow(stored)
    picture.info.clear()
    picture = upright(picture, orientation)
    profile = stored.icc
    is_whole = (view.width, view.height) == view.region[2:]
    can_keep = view.colours == "default" and (view.fmt != "webp" or picture.mode in ("RGB", "RGBA"))
    if profile and not (is_whole and can_keep):
        picture, profile = in_srgb(picture, profile), None
    picture = _in_colours(picture, view)
    if view.is_mirrored:
        picture = picture.transpose(Transpose.FLIP_LEFT_RIGHT)
    turn = _CLOCKWISE[view.quarter_turns]
    if turn is not None:
        picture = picture.transpose(turn)
    generated_by = opened.generated_by
    xmp = None if generated_by is None else marked_generated(None, generated_by)
    return _written(picture, view.fmt, icc=profile, xmp=xmp)


def _in_colours(picture: PIL.Image.Image, view: View) -> PIL.Image.Image:
    if picture.mode in ("LA", "RGBA") and (view.fmt == "jpeg" or view.colours == "bitonal"):
        picture = _on_white(picture)
    if view.colours == "gray":
        return picture.convert("LA" if picture.mode in ("LA", "RGBA") else "L")
    if view.colours == "bitonal":
        return picture.convert("L").point([0] * 128 + [255] * 128, "1" if view.fmt == "png" else "L")
    return picture


def _on_white(picture: PIL.Image.Image) -> PIL.Image.Image:
    mode = picture.mode.removesuffix("A")
    paper = PIL.Image.new(mode, picture.size, "white")
    paper.paste(picture.convert(mode), mask=picture.getchannel("A"))
    return paper


def _written(picture: PIL.Image.Image, fmt: ViewFormat, *, icc: bytes | None, xmp: bytes | None) -> bytes:
    stream = io.BytesIO()
    options = dict(_WRITTEN[fmt])
    if xmp is not None:
        options |= xmp_option(fmt, xmp)
    try:
        picture.save(stream, fmt, icc_profile=icc, **options)
    except (OSError, ValueError) as error:
        raise RestoreError(
            f"Expected a picture that {fmt} can hold, got one of {picture.width}x{picture.height}: {error}. Ask for "
            "png, or for fewer pixels."
        ) from error
    return stream.getvalue()
