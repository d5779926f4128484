"""What there is to see in a file that was kept: its first picture, in 8-bit samples, of whatever kind it is.

Nothing larger than a limit is decoded: what the header says is looked at first.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import PIL.Image
from PIL import UnidentifiedImageError
from PIL.ExifTags import Base as ExifTag
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from codec.kept_scales import Pixels
from codec.opened import Opened
from codec.sizes import reduced
from codec.whole_picture import WholePicture
from pipeline.errors import ArchiveError, SourceError
from pipeline.image.as_seen import SWAPS_SIDES, as_stored
from pipeline.image.formats.pillow import READERS, let_pillow_decode, quiet_pillow
from pipeline.image.formats.sniff import sniff
from pipeline.image.in_8_bits import DEEP, GREY, in_8_bits
from pipeline.image.read import ReadLimits

_OWN_COLOURS = ("CMYK", "LAB", "YCbCr")
"""Modes whose ICC profile does not speak of RGB."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FirstFrame:
    """The first picture of a file, as stored: orientation is not applied."""

    colour: Opened
    """Of one channel where the samples are grey, else RGB."""
    alpha: Opened | None
    """Of one channel."""
    mode: str
    """L, LA, RGB or RGBA."""
    orientation: int | None
    """EXIF orientation 1..8."""
    icc: bytes | None


def first_frame(data: bytes, *, name: str, limits: ReadLimits) -> FirstFrame:
    """Open a file; its picture is decoded when one is asked for.

    Args:
        data: the file.
        name: what to call it in errors.
        limits: how many pixels may be decoded.
    Raises:
        ArchiveError: there is no picture in it that can be opened, or a larger one than the limit. Damage further on
            is found, and raised so, when the picture is decoded.
    """
    let_pillow_decode(limits.max_pixels)
    with _naming(name), _opened(data) as (picture, orientation):
        check_pixels(*picture.size, name=name, limits=limits)
        is_grey = picture.mode in GREY or picture.mode.startswith(DEEP)
        has_alpha = picture.has_transparency_data
        icc = None if picture.mode in _OWN_COLOURS else picture.info.get("icc_profile")
        size, is_jpeg = _stored_size(picture, orientation), isinstance(picture, JpegImageFile)
    channels = 1 if is_grey else 3
    mode = ("L" if is_grey else "RGB") + ("A" if has_alpha else "")
    decode = cache(partial(_decoded, data, name, mode))
    colour: Opened = WholePicture(*size, lambda: decode()[..., :channels], channels=channels)
    if is_jpeg:
        colour = _JpegPicture(*size, partial(_decoded, data, name, mode), channels=channels)
    return FirstFrame(
        colour=colour,
        alpha=WholePicture(*size, lambda: decode()[..., channels:], channels=1) if has_alpha else None,
        mode=mode,
        orientation=orientation,
        icc=icc or None,
    )


def check_pixels(width: int, height: int, *, name: str, limits: ReadLimits) -> None:
    """Refuse to decode more than the limit.

    Raises:
        ArchiveError: there are more pixels.
    """
    if width * height > limits.max_pixels:
        raise ArchiveError(
            f"Expected at most {limits.max_pixels / 1e6:g} megapixels to decode under key {name!r}, got {width} x "
            f"{height}. `Archive.file` gives the file as it is."
        )


class _JpegPicture(WholePicture):
    """A JPEG, whose decoder gives smaller pictures sooner."""

    def __init__(self, width: int, height: int, decode: Callable[..., Pixels], *, channels: int) -> None:
        super().__init__(width, height, decode, channels=channels)
        self._decode = decode

    def _smaller(self, denominator: int) -> Pixels:
        return super()._smaller(denominator) if self.is_decoded else self._decode(denominator=denominator)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Whatever Pillow raises on hostile bytes, which is nearly everything, becomes one error that names the image."""
    try:
        with quiet_pillow():
            yield
    except ArchiveError:
        raise
    except UnidentifiedImageError as error:  # whose words are the address of a buffer
        raise _does_not_open(name, "no reader knows this format") from error
    except Exception as error:
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise _does_not_open(name, words) from error


def _does_not_open(name: str, why: str) -> ArchiveError:
    return ArchiveError(
        f"Expected a file with a picture under key {name!r}, got one that does not open: {why}. `Archive.file` gives "
        "the file as it is."
    )


@contextmanager
def _opened(data: bytes) -> Iterator[tuple[PIL.Image.Image, int | None]]:
    """The file, and its EXIF orientation, 1 to 8."""
    picture, orientation = _found(data)
    with picture:
        yield picture, orientation if orientation in range(1, 9) else None


def _found(data: bytes) -> tuple[PIL.Image.Image, int | None]:
    kind = sniff(data).decoded_as
    if kind == "HEIF":
        return _without_metadata(data, kind)  # which would turn the picture
    try:
        picture = PIL.Image.open(io.BytesIO(data))
        # not PNG's own `getexif`, which decodes the picture to find what may lie behind it
        return picture, PIL.Image.Image.getexif(picture).get(ExifTag.Orientation)
    except Exception:
        if kind is None or kind == "TIFF":
            raise
        try:  # what stands beside the picture may be broken, or the format one that Pillow knows in part
            return _without_metadata(data, kind)
        except SourceError:
            pass
        raise


def _without_metadata(data: bytes, kind: str) -> tuple[PIL.Image.Image, int | None]:
    """The picture alone, and how it is to be turned.

    Raises:
        SourceError: it is damaged.
    """
    parse, open_picture = READERS[kind]
    header = parse(data)
    picture = open_picture(header.stream)
    if header.icc is not None:
        picture.info["icc_profile"] = header.icc
    return picture, header.orientation


def _stored_size(picture: PIL.Image.Image, orientation: int | None) -> tuple[int, int]:
    """Width and height before a reader turns the picture, as Pillow's of TIFF does."""
    width, height = picture.size
    return (
        (height, width)
        if isinstance(picture, TiffImageFile) and orientation in SWAPS_SIDES
        else (width, height)
    )


def _decoded(data: bytes, name: str, mode: str, *, denominator: int = 1) -> Pixels:
    """Colour or grey, and alpha where there is one, as channels."""
    with _naming(name), _opened(data) as (picture, orientation):
        width, height = _stored_size(picture, orientation)
        if denominator > 1:
            picture.draft(None, (max(1, width // denominator), max(1, height // denominator)))
        picture.load()
        shown = in_8_bits(picture)
        if isinstance(picture, TiffImageFile):
            shown = as_stored(shown, orientation)
        scales = (scale for scale in (8, 4, 2, 1) if (-(-width // scale), -(-height // scale)) == shown.size)
        drafted = next(scales, None)
        if drafted is None:
            raise ValueError(f"the header says {width} x {height} pixels, the picture {shown.size}")
        if shown.mode != mode:  # of icons only the decoder knows whether they have alpha
            shown = shown.convert(mode)
        pixels = np.array(shown).reshape(shown.height, shown.width, -1)
    return reduced(pixels, max(1, denominator // drafted))
