"""Rate and distortion of a codec, from whole payloads and decoded 8-bit pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codec.codec import Codec
from codec.contract import RGB, EncodeOptions
from codec.metrics import bpp, ms_ssim, psnr_db


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One image through one codec at one quality."""

    quality: float
    num_bytes: int
    """Of the whole file or payload, headers included."""
    width: int
    height: int
    psnr_db: float
    """Over all RGB samples; infinite when the image came back identical."""
    ms_ssim: float | None
    """None when the short side is under 161 pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePoint:
    """What one quality gave: means over images of per-image values (the convention of CompressAI)."""

    quality: float
    images: int
    bpp: float
    ratio: float
    """All raw 24-bit bytes over all payload bytes."""
    psnr_db: float
    """Infinite when an image came back identical."""
    ms_ssim: float | None
    """Over the images that have one; None when none has."""


def rd_table(codec: Codec, images: Iterable[RGB], qualities: Sequence[float]) -> list[RatePoint]:
    """One row per quality, every image coded alone.

    Raises:
        ValueError: there are no images, or a quality is not in [0, 63].
    """
    return mean_points([measure_codec(codec, image, qualities) for image in images])


def measure_codec(codec: Codec, image: RGB, qualities: Sequence[float]) -> list[Sample]:
    """One image at every quality; the analysis transform runs once.

    Raises:
        ValueError: a quality is not in [0, 63].
    """
    (prepared,) = codec.encoder.prepare([image])
    samples = []
    for quality in qualities:
        (encoded,) = codec.encoder.finish([prepared], [EncodeOptions(quality=quality)])
        (decoded,) = codec.decode([encoded.payload])
        samples.append(compare(image, decoded.pixels, num_bytes=len(encoded.payload), quality=quality))
    return samples


def compare(image: RGB, decoded: RGB, *, num_bytes: int, quality: float) -> Sample:
    """The sample of an image and what came back.

    Raises:
        ValueError: their shapes differ.
    """
    return Sample(
        quality=quality,
        num_bytes=num_bytes,
        width=image.shape[1],
        height=image.shape[0],
        psnr_db=psnr_db(image, decoded),
        ms_ssim=ms_ssim(image, decoded),
    )


def mean_points(samples: Sequence[Sequence[Sample]]) -> list[RatePoint]:
    """One point per quality from the samples of each image, all at the same qualities.

    Raises:
        ValueError: there are no images.
    """
    if not samples:
        raise ValueError("expected at least one image to measure, got none")
    return [_mean(at_quality) for at_quality in zip(*samples, strict=True)]


def _mean(samples: Sequence[Sample]) -> RatePoint:
    count = len(samples)
    scores = [sample.ms_ssim for sample in samples if sample.ms_ssim is not None]
    return RatePoint(
        quality=samples[0].quality,
        images=count,
        bpp=sum(bpp(sample.num_bytes, sample.width, sample.height) for sample in samples) / count,
        ratio=3 * sum(s.width * s.height for s in samples) / sum(s.num_bytes for s in samples),
        psnr_db=sum(sample.psnr_db for sample in samples) / count,
        ms_ssim=sum(scores) / len(scores) if scores else None,
    )
