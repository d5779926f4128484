"""What some weights make of some images: bytes of whole payloads, and PSNR of the pixels that come back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from codec.contract import RGB, EncodeOptions
from codec.metrics import psnr_db
from codec.registry import load_codec

QUALITIES: Final = (4.0, 14.0, 24.0, 34.0, 44.0, 54.0, 63.0)
"""Where curves are measured by default: close enough for lines between them, and from end to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPoint:
    """One image at one quality."""

    quality: float
    num_bytes: int
    """Of the payload."""
    psnr_db: float
    """Over all RGB samples; infinite when the image came back identical."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredImage:
    """One image at every quality, ascending."""

    points: tuple[MeasuredPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredWeights:
    """Some weights on some images."""

    images: tuple[MeasuredImage, ...]
    """In the order they were given."""


def measure(
    images: Sequence[RGB],
    weights: bytes,
    qualities: Sequence[float] = QUALITIES,
    *,
    family: str,
    device: str = "auto",
    on_image: Callable[[int], None] = lambda _: None,
) -> MeasuredWeights:
    """Encode and decode every image at every quality; the analysis transform runs once an image.

    Args:
        on_image: told after every image how many are done; what it raises ends the measurement.
    Raises:
        WeightsError: the weights are not this family's.
        ValueError: a quality is not in [0, 63].
    """
    codec = load_codec(family, device=device, encode_with=weights)
    measured = []
    for number, pixels in enumerate(images, 1):
        (prepared,) = codec.encoder.prepare([pixels])
        points = []
        for quality in sorted(qualities):
            (encoded,) = codec.encoder.finish([prepared], [EncodeOptions(quality=quality)])
            (decoded,) = codec.decode([encoded.payload])
            points.append(
                MeasuredPoint(
                    quality=quality,
                    num_bytes=len(encoded.payload),
                    psnr_db=psnr_db(pixels, decoded.pixels),
                )
            )
        measured.append(MeasuredImage(points=tuple(points)))
        on_image(number)
    return MeasuredWeights(images=tuple(measured))
