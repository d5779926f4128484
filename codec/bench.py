"""Rate and distortion of a codec on a list of images, from whole payloads and decoded 8-bit pixels."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codec.contract import RGB, Codec
from codec.metrics import bpp, ms_ssim, psnr_db


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePoint:
    """What one quality gave: means over images of per-image values (bpp, PSNR, MS-SSIM)."""

    quality: int
    images: int
    bpp: float
    ratio: float
    """All raw 24-bit bytes over all payload bytes."""
    psnr_db: float
    ms_ssim: float | None
    """None when no image has a short side of 161 pixels."""
    encode_s_per_mp: float
    decode_s_per_mp: float


def rd_table(codec: Codec, images: Sequence[RGB], qualities: Iterable[int]) -> list[RatePoint]:
    """One row per quality, every image coded alone.

    Raises:
        ValueError: there are no images, or a quality is not in `QUALITIES`.
    """
    if not images:
        raise ValueError("expected at least one image to measure, got none")
    return [_measure(codec, images, quality) for quality in qualities]


def _measure(codec: Codec, images: Sequence[RGB], quality: int) -> RatePoint:
    rates: list[float] = []
    errors: list[float] = []
    likeness: list[float] = []
    raw = coded = 0
    encode_s = decode_s = 0.0
    for image in images:
        began = time.perf_counter()
        (encoded,) = codec.encode([image], quality=quality)
        halfway = time.perf_counter()
        (decoded,) = codec.decode([encoded.payload])
        decode_s += time.perf_counter() - halfway
        encode_s += halfway - began
        rates.append(bpp(len(encoded.payload), image.shape[1], image.shape[0]))
        errors.append(psnr_db(image, decoded))
        if (score := ms_ssim(image, decoded)) is not None:
            likeness.append(score)
        raw += image.size
        coded += len(encoded.payload)
    megapixels = raw / 3e6
    return RatePoint(
        quality=quality,
        images=len(images),
        bpp=sum(rates) / len(rates),
        ratio=raw / coded,
        psnr_db=sum(errors) / len(errors),
        ms_ssim=sum(likeness) / len(likeness) if likeness else None,
        encode_s_per_mp=encode_s / megapixels,
        decode_s_per_mp=decode_s / megapixels,
    )
