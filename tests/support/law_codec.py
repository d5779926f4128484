"""A codec that only estimates, by a law: bytes grow exponentially with quality, at a rate each image has its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from codec.contract import RGB, EncodeOptions, Prepared
from pipeline.encode.types import Fetched
from pipeline.types import Image, SourceImage
from tests.support.plain_codec import PlainCodec


@dataclass(frozen=True)
class Law:
    """One image: what it takes at quality 0, how that grows, and how far estimates are off."""

    width: int
    height: int
    density: float
    slope: float
    error: float

    def num_bytes(self, quality: float) -> int:
        """What the payload takes."""
        return round(30 + self.width * self.height * self.density * 0.02 * math.exp(self.slope * quality))


class LawCodec(PlainCodec):
    """Draws every image's law from the number in its first pixel."""

    default_quality = 30

    def __init__(self, *, spread: float, seed: int) -> None:
        super().__init__("plain-law")
        self._spread = spread
        self._seed = seed

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        return [self.law(image) for image in images]

    def law(self, image: RGB) -> Law:
        """Densities are log-normal; estimates are off by up to 1 %."""
        rng = np.random.default_rng([self._seed, int(image[0, 0, 0]), int(image[0, 0, 1])])
        return Law(
            width=image.shape[1],
            height=image.shape[0],
            density=float(rng.lognormal(0, self._spread)),
            slope=0.04 * float(rng.uniform(0.8, 1.2)),
            error=float(rng.uniform(-0.01, 0.01)),
        )

    def estimate_bytes(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[int]:
        laws = [one for one in prepared if isinstance(one, Law)]
        return [
            round(one.num_bytes(asked.quality) * (1 + one.error))
            for one, asked in zip(laws, options, strict=True)
        ]


def numbered(count: int, *, seed: int) -> list[Fetched]:
    """Images of three sizes with their number in the first pixel; the files are too large to be kept."""
    sides = np.random.default_rng(seed).choice([40, 60, 100], count)
    fetched = []
    for number, side in enumerate(sides):
        pixels = np.zeros((side, side, 3), np.uint8)
        pixels[0, 0, :2] = number % 256, number // 256
        fetched.append(
            Fetched(
                source=SourceImage(key=f"{number:05d}.png", url=f"/{number:05d}.png"),
                data=bytes(10**6),
                content=Image(pixels=pixels, source_format="PNG", mode="RGB"),
                read_s=0.0,
                decode_s=0.0,
            )
        )
    return fetched
