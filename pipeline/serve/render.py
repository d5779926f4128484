"""From an opened image to the file of a view."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import PIL.Image
from PIL import ImageCms
from PIL.Image import Transpose

from pipeline.decode.opened_image import OpenedImage
from pipeline.errors import RestoreError
from pipeline.image.write import to_pillow
from pipeline.serve.view import View, ViewFormat, as_stored, upright_size

_UPRIGHT: Final[Mapping[int | None, Transpose]] = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""By EXIF orientation."""
_CLOCKWISE: Final = (None, Transpose.ROTATE_270, Transpose.ROTATE_180, Transpose.ROTATE_90)
_WRITTEN: Final[Mapping[ViewFormat, Mapping[str, Any]]] = {
    "jpeg": {"quality": 90, "subsampling": "4:4:4"},
    "webp": {"quality": 85, "method": 2},
    "png": {"compress_level": 1},
}
"""How files are written: for whoever waits. `etags.RENDERER` grows with any change."""
_SRGB: Final = ImageCms.createProfile("sRGB")
_COLOUR_SPACES: Final = {"RGB": "RGB", "L": "GRAY"}


def render(opened: OpenedImage, view: View, orientation: int | None) -> bytes:
    """Make the file of a view: upright, without EXIF, which says where and by whom a picture was taken.

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
    if orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[orientation])
    profile = stored.icc
    if profile and (view.colours != "default" or (view.width, view.height) != view.region[2:]):
        picture, profile = _in_srgb(picture, profile), None
    picture = _in_colours(picture, view)
    if view.is_mirrored:
        picture = picture.transpose(Transpose.FLIP_LEFT_RIGHT)
    turn = _CLOCKWISE[view.quarter_turns]
    return _written(picture if turn is None else picture.transpose(turn), view.fmt, profile)


def _in_srgb(picture: PIL.Image.Image, icc: bytes) -> PIL.Image.Image:
    """The same colours in sRGB; as they are where the profile says nothing about such pixels."""
    alpha = picture.getchannel("A") if picture.mode in ("LA", "RGBA") else None
    colours = picture.convert(picture.mode.removesuffix("A")) if alpha else picture
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if profile.profile.xcolor_space.strip() != _COLOUR_SPACES[colours.mode]:
            return picture
        converted = ImageCms.profileToProfile(colours, profile, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return picture
    assert converted is not None
    if colours.mode == "L":
        converted = converted.convert("L")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


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


def _written(picture: PIL.Image.Image, fmt: ViewFormat, icc: bytes | None) -> bytes:
    stream = io.BytesIO()
    try:
        picture.save(stream, fmt, icc_profile=icc, **_WRITTEN[fmt])
    except (OSError, ValueError) as error:
        raise RestoreError(
            f"Expected a picture that {fmt} can hold, got one of {picture.width}x{picture.height}: {error}. Ask for "
            "png, or for fewer pixels."
        ) from error
    return stream.getvalue()
