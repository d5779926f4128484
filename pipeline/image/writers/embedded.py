"""EXIF, ICC profile and XMP as Pillow's writers take them."""

from __future__ import annotations

from typing import Any

from PIL.PngImagePlugin import PngInfo

from pipeline.image.file_formats import Format
from pipeline.image.generated import marked_generated
from pipeline.types import Image

EXIF_PREFIX = b"Exif\x00\x00"


def embedded_metadata(image: Image) -> dict[str, Any]:
    """Options of `PIL.Image.Image.save`; empty where the image has none."""
    return {
        "exif": EXIF_PREFIX + image.exif if image.exif else b"",
        "icc_profile": image.icc or b"",
        "xmp": xmp_of(image) or b"",
    }


def xmp_option(fmt: Format, xmp: bytes) -> dict[str, Any]:
    """XMP as the writer of a format takes it: PNG's has no option for it."""
    if fmt != "png":
        return {"xmp": xmp}
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp)
    return {"pnginfo": info}


def xmp_of(image: Image) -> bytes | None:
    """As it is to be written: a picture that shows more than was stored says so."""
    return image.xmp if image.generated_by is None else marked_generated(image.xmp, image.generated_by)
