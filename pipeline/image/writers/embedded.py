"""EXIF, ICC profile and XMP as Pillow's writers take them."""

from __future__ import annotations

from typing import Any

from pipeline.types import Image

EXIF_PREFIX = b"Exif\x00\x00"


def embedded_metadata(image: Image) -> dict[str, Any]:
    """Options of `PIL.Image.Image.save`; empty where the image has none."""
    return {
        "exif": EXIF_PREFIX + image.exif if image.exif else b"",
        "icc_profile": image.icc or b"",
        "xmp": image.xmp or b"",
    }
