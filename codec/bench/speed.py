"""Seconds per megapixel to encode and to decode, of several codecs side by side on the same images.

What is timed is the whole call: pixels in memory to a whole file or payload, and back; entropy coding is in it.
Every image goes through all codecs before the next image, so that a busy moment of the machine hits all alike;
of several rounds the fastest counts, because noise only ever adds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from codec.bench.baselines import BASELINES, Baseline
from codec.bench.libraries import library
from codec.codec import Codec
from codec.contract import RGB, EncodeOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A codec to time, at some of its qualities."""

    id: str
    library: str
    settings: str
    qualities: Sequence[float]
    encode: Callable[[RGB, float], bytes]
    decode: Callable[[bytes], RGB]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedAtQuality:
    """Totals over all images, divided by all their pixels."""

    quality: float
    bpp: float
    encode_s_per_mp: float
    decode_s_per_mp: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """One codec: the mean over its qualities, and each."""

    encode_s_per_mp: float
    decode_s_per_mp: float
    library: str
    settings: str
    qualities: list[SpeedAtQuality]


_SPEED_BASELINES: Final = {
    "jpeg": ("jpeg_420", (10, 40, 80)),
    "webp_m6": ("webp_m6", (10, 50, 85)),
    "avif_s6": ("avif_s6_420", (30, 52, 76)),
}
"""Name in the result: the baseline, and qualities that give about 0.3, 0.7 and 1.5 bpp on photographs."""


def our_contender(codec: Codec, qualities: Sequence[float]) -> Contender:
    """A codec of ours, through the contract, one image a call."""
    return Contender(
        id="tenfold",
        library=codec.id,
        settings="one image a call",
        qualities=qualities,
        encode=lambda image, quality: codec.encode([image], EncodeOptions(quality=quality))[0].payload,
        decode=lambda payload: codec.decode([payload])[0].pixels,
    )


def baseline_contender(name: str) -> Contender:
    """`jpeg`, `webp_m6` or `avif_s6`.

    Raises:
        MissingLibraryError: its library is not here.
    """
    baseline_id, qualities = _SPEED_BASELINES[name]
    (baseline,) = (baseline for baseline in BASELINES if baseline.id == baseline_id)
    return Contender(
        id=name,
        library=library(baseline.format),
        settings=f"{baseline.format} {baseline.settings}",
        qualities=qualities,
        encode=_encode_with(baseline),
        decode=baseline.decode,
    )


SPEED_BASELINES: Final = tuple(_SPEED_BASELINES)
"""Names that `baseline_contender` takes."""


def measure_speed(
    contenders: Sequence[Contender],
    images: Iterable[RGB],
    *,
    rounds: int,
    on_image: Callable[[], None] = lambda: None,
) -> dict[str, Speed]:
    """Time every contender on every image; the first image goes through all of them once uncounted.

    Raises:
        ValueError: there are no images.
    """
    tallies = {(c.id, quality): _TimedImages() for c in contenders for quality in c.qualities}
    warm = False
    for image in images:
        if not warm:
            _time_all(contenders, image, rounds=1)
            warm = True
        for key, timed in _time_all(contenders, image, rounds=rounds).items():
            tallies[key].add(image, timed)
        on_image()
    if not warm:
        raise ValueError("expected at least one image to time, got none")
    return {c.id: _speed(c, [tallies[c.id, quality] for quality in c.qualities]) for c in contenders}


def mirrored_to(image: RGB, megapixels: float) -> RGB:
    """The image continued by its mirror images, right and down, to that many megapixels at its own aspect ratio;
    a larger one as it is. Mirroring keeps real texture and adds no seams.
    """
    height, width = image.shape[:2]
    scale = float(np.sqrt(megapixels * 1e6 / (height * width)))
    if scale <= 1.0:
        return image
    right, down = round(width * scale) - width, round(height * scale) - height
    return np.pad(image, ((0, down), (0, right), (0, 0)), mode="symmetric")


@dataclass(slots=True)
class _Timed:
    """The fastest round of one image at one quality."""

    encode_s: float
    decode_s: float
    num_bytes: int


@dataclass(slots=True)
class _TimedImages:
    encode_s: float = 0.0
    decode_s: float = 0.0
    num_bytes: int = 0
    pixels: int = 0

    def add(self, image: RGB, timed: _Timed) -> None:
        self.encode_s += timed.encode_s
        self.decode_s += timed.decode_s
        self.num_bytes += timed.num_bytes
        self.pixels += image.shape[0] * image.shape[1]


def _time_all(contenders: Sequence[Contender], image: RGB, *, rounds: int) -> dict[tuple[str, float], _Timed]:
    fastest: dict[tuple[str, float], _Timed] = {}
    for _ in range(rounds):
        for contender in contenders:
            for quality in contender.qualities:
                timed = _time(contender, image, quality)
                before = fastest.setdefault((contender.id, quality), timed)
                before.encode_s = min(before.encode_s, timed.encode_s)
                before.decode_s = min(before.decode_s, timed.decode_s)
    return fastest


def _time(contender: Contender, image: RGB, quality: float) -> _Timed:
    began = time.perf_counter()
    data = contender.encode(image, quality)
    halfway = time.perf_counter()
    contender.decode(data)
    ended = time.perf_counter()
    return _Timed(encode_s=halfway - began, decode_s=ended - halfway, num_bytes=len(data))


def _speed(contender: Contender, tallies: Sequence[_TimedImages]) -> Speed:
    each = [
        SpeedAtQuality(
            quality=quality,
            bpp=tally.num_bytes * 8.0 / tally.pixels,
            encode_s_per_mp=tally.encode_s / tally.pixels * 1e6,
            decode_s_per_mp=tally.decode_s / tally.pixels * 1e6,
        )
        for quality, tally in zip(contender.qualities, tallies, strict=True)
    ]
    return Speed(
        encode_s_per_mp=sum(at.encode_s_per_mp for at in each) / len(each),
        decode_s_per_mp=sum(at.decode_s_per_mp for at in each) / len(each),
        library=contender.library,
        settings=contender.settings,
        qualities=each,
    )


def _encode_with(baseline: Baseline) -> Callable[[RGB, float], bytes]:
    return lambda image, quality: baseline.encode(image, int(quality))
