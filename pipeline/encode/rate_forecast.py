"""A sample of a unit of work, and from it the quality that would meet a target over the whole unit.

A unit of up to `SAMPLE_IMAGES` images is its own sample. Of a larger one the last images are always in it, so
that nothing unforeseen comes when little is left to make up for it; the others are spread evenly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from codec.contract import RGB, Encoder, Prepared
from pipeline.encode.centre import centre
from pipeline.encode.quality_search import USUAL_SLOPE, nearest, search_quality
from pipeline.encode.rate_control import TOLERANCE, Expected, Forecast
from pipeline.encode.types import Fetched, payload_room
from pipeline.encode.weights_choice import WeightsChoice
from pipeline.image.read import to_rgb
from pipeline.types import Image, SourceImage

SAMPLE_IMAGES: Final = 24
SAMPLE_PIXELS: Final = 96_000_000
"""Shared evenly: 24 images are taken whole up to 4 MP each, 8 up to 12 MP; of larger ones the centre is."""
_LAST_IMAGES: Final = 12
_MOST_LOOKS: Final = 12


def sample_of(sources: Sequence[SourceImage]) -> list[SourceImage]:
    """Which images of a unit to look at before it is encoded, in the unit's order."""
    if len(sources) <= SAMPLE_IMAGES:
        return list(sources)
    early, spread = len(sources) - _LAST_IMAGES, SAMPLE_IMAGES - _LAST_IMAGES
    return [sources[early * number // spread] for number in range(spread)] + list(sources[early:])


class UnitSample:
    """The sample's images, analysed by the codec."""

    def __init__(
        self, weights: WeightsChoice, sources: Sequence[SourceImage], images: Iterable[Fetched]
    ) -> None:
        """Read the sample to its end.

        Args:
            sources: all images of the unit.
            images: those of `sample_of(sources)`; one that cannot be coded is left out.
        """
        self._codec = weights.first
        self._sources = sources
        share = SAMPLE_PIXELS // max(len(sample_of(sources)), 1)
        self._images: dict[str, _SampleImage | None] = {
            fetched.source.key: _analysed(weights, fetched, share) for fetched in images
        }

    def forecast(self, target_bpp: float) -> Forecast:
        """The quality at which the sample meets the target, and what every image of the unit takes there."""
        looks = search_quality(
            lambda quality: self._excess(target_bpp, quality),
            first=float(self._codec.default_quality),
            slope=USUAL_SLOPE,
            tolerance=TOLERANCE,
            most=_MOST_LOOKS,
        )
        base = nearest(looks)
        others = [look for look in looks if look != base and math.isfinite(look.excess - base.excess)]
        slope = USUAL_SLOPE  # until two levels of the sample were looked at
        if others:
            near = min(others, key=lambda look: abs(look.quality - base.quality))
            measured = (near.excess - base.excess) / (near.quality - base.quality)
            slope = min(max(measured, USUAL_SLOPE / 3), 3 * USUAL_SLOPE)
        return Forecast(base=base.quality, slope=slope, images=self._expected(base.quality))

    def _excess(self, target_bpp: float, quality: float) -> float:
        """Logarithm of the sample's bits per pixel over the target; what would be kept does not count."""
        coded = [image.expected(quality) for image in self._coded(quality)]
        pixels = sum(image.num_pixels for image in coded)
        if not pixels:
            return math.inf
        return math.log(8 * sum(image.num_bytes for image in coded) / pixels / target_bpp)

    def _coded(self, quality: float) -> list[_SampleImage]:
        images = [image for image in self._images.values() if image is not None]
        return [image for image in images if image.expected(quality).num_bytes < image.room]

    def _expected(self, base: float) -> dict[str, Expected]:
        """Images outside the sample are expected to be like the mean of those in it."""
        coded = self._coded(base)
        count = max(len(coded), 1)
        mean = Expected(
            num_pixels=sum(image.num_pixels for image in coded) / count,
            num_bytes=sum(image.expected(base).num_bytes for image in coded) / count,
            seen=False,
        )
        nothing = Expected(num_pixels=0, num_bytes=0, seen=True)
        expected = {source.key: mean for source in self._sources} | dict.fromkeys(self._images, nothing)
        return expected | {image.key: image.expected(base) for image in coded}


class _SampleImage:
    """One image of the sample, or the centre of a large one; remembers its estimates."""

    def __init__(
        self, encoder: Encoder, fetched: Fetched, image: Image, middle: RGB, prepared: Prepared
    ) -> None:
        self._encoder = encoder
        self._prepared = prepared
        self._part = middle.shape[0] * middle.shape[1] / (image.width * image.height)
        self._beside = fetched.beside.of_middle(self._part)
        self._expected: dict[float, Expected] = {}
        self.key = fetched.source.key
        self.num_pixels = image.width * image.height
        self.room = payload_room(fetched, image)

    def expected(self, quality: float) -> Expected:
        """At this quality, scaled from the centre to the whole."""
        if quality not in self._expected:
            asked = self._beside.options(quality)
            (estimate,) = self._encoder.estimate_bytes([self._prepared], [asked])
            self._expected[quality] = Expected(
                num_pixels=self.num_pixels, num_bytes=estimate / self._part, seen=self._part == 1
            )
        return self._expected[quality]


def _analysed(weights: WeightsChoice, fetched: Fetched, share: int) -> _SampleImage | None:
    """None for what will not be coded: it is met again, and explained, when the unit is encoded."""
    if not isinstance(fetched.content, Image) or fetched.exact is not None:
        return None
    middle = centre(to_rgb(fetched.content), share)
    try:
        codec = weights.of(middle)
        (prepared,) = codec.encoder.prepare([middle])
        found = _SampleImage(codec.encoder, fetched, fetched.content, middle, prepared)
        found.expected(float(codec.default_quality))
    except Exception:  # noqa: BLE001  the row boundary: one image never stops a run
        return None
    return found
