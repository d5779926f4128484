"""Open files with Pillow, whose settings belong to the whole process, quietly and from several threads."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, cast

import PIL.Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.TgaImagePlugin import TgaImageFile
from PIL.TiffImagePlugin import TiffImageFile

from pipeline.image.formats.bmp import bmp_header
from pipeline.image.formats.gif import gif_header
from pipeline.image.formats.header import Header
from pipeline.image.formats.heif import avif_header, heif_header, open_heif
from pipeline.image.formats.jpeg import jpeg_header
from pipeline.image.formats.jpeg2000 import jpeg2000_header
from pipeline.image.formats.leftovers import WholeGif, WholeJpeg, WholePng, WholeWebp
from pipeline.image.formats.png import png_header
from pipeline.image.formats.pnm import open_pnm, pnm_header
from pipeline.image.formats.tga import tga_header
from pipeline.image.formats.tiff import tiff_header
from pipeline.image.formats.webp import webp_header

# A log record without a handler is printed to stderr, and Pillow logs some hostile files as errors.
logging.getLogger("PIL").addHandler(logging.NullHandler())

READERS: dict[str, tuple[Callable[[bytes], Header], Callable[[bytes], PIL.Image.Image]]] = {
    "JPEG": (jpeg_header, WholeJpeg),
    "PNG": (png_header, WholePng),
    "WEBP": (webp_header, WholeWebp),
    "GIF": (gif_header, WholeGif),
    "BMP": (bmp_header, lambda stream: BmpImageFile(io.BytesIO(stream))),
    "JPEG2000": (jpeg2000_header, lambda stream: Jpeg2KImageFile(io.BytesIO(stream))),
    "TIFF": (tiff_header, lambda stream: TiffImageFile(io.BytesIO(stream))),
    "AVIF": (avif_header, lambda stream: AvifImageFile(io.BytesIO(stream))),
    "HEIF": (heif_header, open_heif),
    "PPM": (pnm_header, open_pnm),
    "TGA": (tga_header, lambda stream: TgaImageFile(io.BytesIO(stream))),
}
"""Formats whose header we read before Pillow sees the file, and what opens a header's `stream`. Plugins are called by
name: `PIL.Image.open` would check its own pixel limit, which is one number for the whole process."""


def let_pillow_decode(pixels: int) -> None:
    """Raise Pillow's own limit where the user asked for more than it decodes; never lower it."""
    limit = PIL.Image.MAX_IMAGE_PIXELS
    if limit is not None and 2 * limit < pixels:  # Pillow refuses above twice its limit
        PIL.Image.MAX_IMAGE_PIXELS = pixels


_MODULES = r"PIL\."
_lock = Lock()
_readers = 0


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Ignore the warnings of Pillow's modules while any thread reads.

    `warnings.catch_warnings` puts back a snapshot on leaving, which is wrong with threads; this adds one
    filter when a reader enters and removes that one when the last leaves.
    """
    global _readers
    with _lock:
        _readers += 1
        # every time: another thread's `catch_warnings` may have removed it
        warnings.filterwarnings("ignore", module=_MODULES)
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if not _readers:
                filters = cast("list[Any]", warnings.filters)
                filters[:] = [item for item in filters if not _is_ours(item)]


def _is_ours(item: tuple[Any, ...]) -> bool:
    action, _, _, module, _ = item
    return action == "ignore" and module is not None and module.pattern == _MODULES
