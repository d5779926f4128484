"""An image of an archive, opened: pictures of any size and of any part, each for no more work than it needs."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import PIL.Image
from PIL.Image import Resampling

from codec.kept_scales import Pixels
from codec.opened import Opened
from codec.whole_picture import WholePicture
from pipeline.decode.view_size import Region, Size, check_asked_region, fitted, scale_for
from pipeline.errors import ConfigError
from pipeline.image.first_frame import check_pixels, first_frame
from pipeline.image.formats.exif_turn import with_orientation
from pipeline.image.grey_picture import GreyPicture
from pipeline.image.read import ReadLimits
from pipeline.image.with_alpha import with_alpha
from pipeline.image.write import alpha_plane
from pipeline.packing.file_of import file_of
from pipeline.types import Image, ShardRow

GREY_MODES: Final = ("1", "L", "LA")
"""Of a source whose pixels have one channel."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenedImage:
    """One image with a picture, be it coded, lossless, bounded or kept. Not for two threads at once.

    Pixels are as stored: orientation is not applied. What comes back may be what is held: it is not to be written to.
    """

    key: str
    colour: Opened
    """What gives its colours, or its grey."""
    alpha: Opened | None
    """Of its alpha plane, one channel, when it has one; in sizes and regions like the image's own."""
    channels: Opened
    """Colour and alpha as channels of one picture."""
    mode: str
    """L, LA, RGB or RGBA."""
    source_format: str
    """Pillow's name: JPEG, PNG, WEBP, ..."""
    orientation: int | None
    """EXIF orientation 1..8."""
    icc: bytes | None
    """Colour profile of the pixels."""
    generated_by: str | None = None
    """As `Image.generated_by`."""

    @property
    def width(self) -> int:
        """In pixels."""
        return self.colour.width

    @property
    def height(self) -> int:
        """In pixels."""
        return self.colour.height

    @property
    def holds_bytes(self) -> int:
        """Memory that it takes at most, about: what a cache counts."""
        return self.channels.holds_bytes

    def scaled(self, denominator: int) -> Pixels:
        """The whole picture, smaller: (ceil(H / denominator), ceil(W / denominator), 1 or 3).

        Args:
            denominator: 1, 2, 4, 8 or 16.
        Raises:
            ValueError: it is another number.
            DamagedError, ArchiveError, CodecError: what is stored gives no picture.
        """
        return self.colour.scaled(denominator)

    def region(self, left: int, top: int, width: int, height: int) -> Pixels:
        """A part of `whole`, equal to it.

        Raises:
            ValueError: it is empty, or not all of it lies in the image.
            DamagedError, ArchiveError, CodecError: what is stored gives no picture.
        """
        return self.colour.region(left, top, width, height)

    def whole(self) -> Pixels:
        """The picture that `Archive.image` gives, (H, W, 1 or 3).

        Raises:
            DamagedError, ArchiveError, CodecError: what is stored gives no picture.
        """
        return self.colour.whole()

    def view(self, *, size: Size | None = None, region: Region | None = None) -> Image:
        """A new image of it: smaller, a part, or both. See `resampled` for what it holds.

        Args:
            size: the longer side at most, or a box; None for every pixel.
            region: (left, top, width, height) as stored; None for all of it.
        Raises:
            ConfigError: no size, or a region that does not lie in the image.
            DamagedError, ArchiveError, CodecError: what is stored gives no picture.
        """
        shown = (0, 0, self.width, self.height) if region is None else region
        check_asked_region(shown, self.width, self.height)
        return self.resampled(*fitted(*shown[2:], size), region=shown)

    def resampled(self, width: int, height: int, *, region: Region | None = None) -> Image:
        """A new image of exactly so many pixels, whatever becomes of proportions.

        It is made from the smallest scale that has as many. Of metadata it has what its pixels need to be shown right,
        colour profile and orientation, and alpha; what else the file held speaks of other pixels, or of places.

        Args:
            width: of the new image.
            height: of the new image.
            region: what it shows, as stored; None for all of it.
        Raises:
            ConfigError: no size, or a region that does not lie in the image.
            DamagedError, ArchiveError, CodecError: what is stored gives no picture.
        """
        if width < 1 or height < 1:
            raise ConfigError(f"Expected a view of 1 pixel or more each way, got {width} x {height}.")
        shown = (0, 0, self.width, self.height) if region is None else region
        check_asked_region(shown, self.width, self.height)
        picture = self._picture(width, height, shown)
        channels = np.array(picture).reshape(height, width, -1)
        has_alpha = self.alpha is not None
        return Image(
            pixels=channels[..., :-1] if has_alpha else channels,
            source_format=self.source_format,
            mode=self.mode,
            orientation=self.orientation,
            exif=with_orientation(None, self.orientation) if self.orientation else None,
            icc=self.icc,
            alpha=_png(channels[..., -1]) if has_alpha else None,
            generated_by=self.generated_by,
        )

    def _picture(self, width: int, height: int, shown: Region) -> PIL.Image.Image:
        """What is shown, in mode L, LA, RGB or RGBA, of so many pixels."""
        scale = scale_for(shown, (width, height), (self.width, self.height))
        if scale == 1:
            return _of_pixels(self.channels.region(*shown)).resize((width, height), Resampling.LANCZOS)
        left, top, across, down = shown
        right, lower = _scaled(left + across, self.width, scale), _scaled(top + down, self.height, scale)
        box = (left / scale, top / scale, right, lower)
        return _of_pixels(self.channels.scaled(scale)).resize((width, height), Resampling.LANCZOS, box=box)


def open_pixels(row: ShardRow, colour: Opened, *, generated_by: str | None = None) -> OpenedImage:
    """A coded or lossless row, and what gives its colours."""
    png, height, width = row.alpha, colour.height, colour.width
    is_grey, alpha = row.mode in GREY_MODES, None
    if is_grey:
        colour = GreyPicture(colour)
    if png is not None:
        alpha = WholePicture(width, height, lambda: alpha_plane(png, height, width)[..., None], channels=1)
    return OpenedImage(
        key=row.key,
        colour=colour,
        alpha=alpha,
        channels=with_alpha(colour, alpha),
        mode=("L" if is_grey else "RGB") + ("A" if png is not None else ""),
        source_format=row.source_format or "",
        orientation=row.orientation,
        icc=row.icc,
        generated_by=generated_by,
    )


def open_file(row: ShardRow, limits: ReadLimits) -> OpenedImage:
    """A kept or bounded row: the first picture of its file, if its row says of no more pixels than the limit.

    Raises:
        ArchiveError: there is no picture that can be opened, or too large a one.
        DamagedError, NewerFormatError: as `file_of`.
    """
    check_pixels(row.width or 0, row.height or 0, name=row.key, limits=limits)
    frame = first_frame(file_of(row), name=row.key, limits=limits)
    return OpenedImage(
        key=row.key,
        colour=frame.colour,
        alpha=frame.alpha,
        channels=with_alpha(frame.colour, frame.alpha),
        mode=frame.mode,
        source_format=row.source_format or "",
        orientation=frame.orientation,
        icc=frame.icc,
    )


def _scaled(edge: int, end: int, scale: int) -> float:
    """Where an edge of a region lies in the smaller picture, whose last pixel stands for what there is left of one."""
    return -(-end // scale) if edge == end else edge / scale


def _of_pixels(pixels: Pixels) -> PIL.Image.Image:
    return PIL.Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))


def _png(plane: Pixels) -> bytes:
    """An alpha plane as `Image` holds it."""
    stream = io.BytesIO()
    PIL.Image.fromarray(np.ascontiguousarray(plane)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
