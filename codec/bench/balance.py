"""Where a codec's error comes from: its model, or the rounding of what the model hands to the coder.

The model's part is the squared error of the picture that the decoder makes of latents that nobody rounded. Rounding's
part is the rest. Both are of 8-bit pixels, and means over images, so that they add up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from codec.codec import Codec
from codec.contract import RGB, EncodeOptions
from codec.family import Unrounded
from codec.metrics import bpp

Unround = Callable[[RGB, float], Unrounded]
"""Image and quality to what the codec shows of latents that were not rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One quality over some images."""

    quality: float
    model: str
    """Name of the weights that serve it."""
    images: int
    bpp: float
    """Mean over images."""
    ratio: float
    """All raw 24-bit bytes over all payload bytes."""
    error: float
    """Mean squared error of what was decoded, in squared levels of 0 to 255."""
    error_of_model: float
    """Of latents that were not rounded."""

    @property
    def error_of_rounding(self) -> float:
        """The rest: below 0 where the model expects the noise of rounding and does worse without."""
        return self.error - self.error_of_model

    @property
    def share_of_rounding(self) -> float:
        """Of all error."""
        return self.error_of_rounding / self.error if self.error else 0.0


def balances(
    codec: Codec, unround: Unround, images: Iterable[RGB], qualities: Sequence[float]
) -> list[Balance]:
    """Split the error at every quality.

    Raises:
        ValueError: there are no images, or a quality is not in [0, 63].
    """
    measured = [[_measure(codec, unround, image, quality) for quality in qualities] for image in images]
    if not measured:
        raise ValueError("expected at least one image to measure, got none")
    return [_mean(at_quality) for at_quality in zip(*measured, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfImage:
    quality: float
    model: str
    num_bytes: int
    width: int
    height: int
    error: float
    error_of_model: float


def _measure(codec: Codec, unround: Unround, image: RGB, quality: float) -> _OfImage:
    (encoded,) = codec.encode([image], EncodeOptions(quality=quality))
    (decoded,) = codec.decode([encoded.payload])
    of_model = unround(image, quality)
    return _OfImage(
        quality=quality,
        model=of_model.model,
        num_bytes=len(encoded.payload),
        width=image.shape[1],
        height=image.shape[0],
        error=_squared_error(image, decoded.pixels),
        error_of_model=_squared_error(image, of_model.pixels),
    )


def _mean(images: Sequence[_OfImage]) -> Balance:
    count = len(images)
    return Balance(
        quality=images[0].quality,
        model=images[0].model,
        images=count,
        bpp=sum(bpp(one.num_bytes, one.width, one.height) for one in images) / count,
        ratio=3 * sum(one.width * one.height for one in images) / sum(one.num_bytes for one in images),
        error=sum(one.error for one in images) / count,
        error_of_model=sum(one.error_of_model for one in images) / count,
    )


def _squared_error(original: RGB, decoded: RGB) -> float:
    return float(np.square(original.astype(np.float32) - decoded).mean(dtype=np.float64))
