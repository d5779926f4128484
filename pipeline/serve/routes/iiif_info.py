"""info.json: what IIIF clients are told of an image. https://iiif.io/api/image/3.0/#5-image-information"""

from __future__ import annotations

from typing import Any, Final

from pipeline.serve.routes.iiif_request import FORMATS, QUALITIES, largest

CONTEXT: Final = "http://iiif.io/api/image/3/context.json"
PROFILE: Final = "http://iiif.io/api/image/3/level2.json"
_TILE: Final = 512
_LAST_SCALE: Final = 16
_FEWEST_SIDE: Final = 64
"""No smaller size is listed."""
_LEVEL_2_FORMATS: Final = ("jpg", "png")


def image_information(address: str, width: int, height: int, *, max_area: int) -> dict[str, Any]:
    """The document for one image.

    Args:
        address: of the image: its URL without /info.json.
        width: of the upright image.
        height: of the upright image.
        max_area: pixels of the largest picture that is made.
    """
    return {
        "@context": CONTEXT,
        "id": address,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level2",
        "width": width,
        "height": height,
        "maxArea": max_area,
        "sizes": [
            {"width": across, "height": down}
            for across, down in reversed(halved(width, height))
            if (across, down) == largest(across, down, max_area)
        ],
        "tiles": [{"width": _TILE, "height": _TILE, "scaleFactors": _scale_factors(width, height)}],
        "extraFormats": [name for name in FORMATS if name not in _LEVEL_2_FORMATS],
        "preferredFormats": ["webp", "jpg"],
        "extraQualities": [name for name in QUALITIES if name != "default"],
        "extraFeatures": ["canonicalLinkHeader", "mirroring", "profileLinkHeader"],
    }


def halved(width: int, height: int) -> list[tuple[int, int]]:
    """Sizes at one over a power of two, the largest first: those that cost least."""
    sizes = [(width, height)]
    while max(sizes[-1]) > _FEWEST_SIDE and 2 ** len(sizes) <= _LAST_SCALE:
        scale = 2 ** len(sizes)
        sizes.append((-(-width // scale), -(-height // scale)))
    return sizes


def _scale_factors(width: int, height: int) -> list[int]:
    factors = [1]
    while factors[-1] * _TILE < max(width, height):
        factors.append(2 * factors[-1])
    return factors
