"""The images held back, and what sets of weights make of them: real payloads of each, decoded."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from codec.adaptation.measured import MeasuredImage, MeasuredPoint, MeasuredWeights, measure
from codec.codec import Codec
from codec.contract import RGB
from codec.registry import load_codec
from codec.weights_file import digest_of
from pipeline.encode.weights_choice import WeightsChoice


class HeldBackImages:
    """Measures each set of weights once, also when another process goes on."""

    def __init__(self, images: Sequence[RGB], *, family: str, quality: float, folder: Path) -> None:
        """Measure nothing yet.

        Args:
            folder: where measurements are kept.
            quality: at which an image chooses among several sets, as it does when it is encoded.
        """
        self._images = images
        self._family = family
        self._quality = quality
        self._folder = folder
        self._measured: dict[bytes, MeasuredWeights] = {}
        self._codecs: dict[bytes, Codec] = {}

    def measured(
        self, sets: Sequence[bytes], on_image: Callable[[int], None] = lambda _: None
    ) -> MeasuredWeights:
        """The images, each coded with the set that it chooses.

        Args:
            sets: weights files, the one that is chosen where several are as good first.
            on_image: told how many images are measured with a set that is new here.
        """
        for weights in sets:
            if digest_of(weights) not in self._measured:
                self._measured[digest_of(weights)] = self._of(weights, on_image)
        of_sets = [self._measured[digest_of(weights)] for weights in sets]
        if len(sets) == 1:
            return of_sets[0]
        codecs = [self._codec(weights) for weights in sets]
        choice = WeightsChoice(codecs, self._quality)
        chosen = (of_sets[codecs.index(choice.of(image))] for image in self._images)
        return MeasuredWeights(images=tuple(one.images[place] for place, one in enumerate(chosen)))

    def gains(
        self, before: bytes, after: bytes, images: Sequence[RGB], on_image: Callable[[int], None]
    ) -> list[float]:
        """Shares of bits that single images save with other weights, as estimated; 0 where they save nothing."""
        choice = WeightsChoice([self._codec(before), self._codec(after)], self._quality)
        gains = []
        for number, image in enumerate(images, 1):
            gains.append(choice.gain(image))
            on_image(number)
        return gains

    def _of(self, weights: bytes, on_image: Callable[[int], None]) -> MeasuredWeights:
        path = self._folder / f"measured-{digest_of(weights).hex()}.json"
        kept = _read(path)
        if kept is None or len(kept.images) != len(self._images):  # an image may have gone since
            kept = measure(self._images, weights, family=self._family, on_image=on_image)
            path.write_text(json.dumps(asdict(kept)))
        return kept

    def _codec(self, weights: bytes) -> Codec:
        digest = digest_of(weights)
        if digest not in self._codecs:
            self._codecs[digest] = load_codec(self._family, encode_with=weights)
        return self._codecs[digest]


def _read(path: Path) -> MeasuredWeights | None:
    if not path.exists():
        return None
    images = json.loads(path.read_text())["images"]
    return MeasuredWeights(
        images=tuple(
            MeasuredImage(points=tuple(MeasuredPoint(**point) for point in image["points"]))
            for image in images
        )
    )
