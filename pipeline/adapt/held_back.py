"""The images held back, and what sets of weights make of them: real payloads of each, decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from codec.adaptation.measured import Measured, measure
from codec.contract import RGB, Codec
from codec.registry import load_codec
from codec.weights_file import digest_of
from pipeline.encode.weights_choice import WeightsChoice


class HeldBack:
    """Measures each set of weights once."""

    def __init__(self, images: Sequence[RGB], *, family: str, quality: float) -> None:
        """Measure nothing yet.

        Args:
            quality: at which an image chooses among several sets, as it does when it is encoded.
        """
        self._images = images
        self._family = family
        self._quality = quality
        self._measured: dict[bytes, Measured] = {}
        self._codecs: dict[bytes, Codec] = {}

    def measured(self, sets: Sequence[bytes], on_image: Callable[[int], None] = lambda _: None) -> Measured:
        """The images, each coded with the set that it chooses.

        Args:
            sets: weights files, the one that is chosen where several are as good first.
            on_image: told how many images are measured with a set that is new here.
        """
        for weights in sets:
            if digest_of(weights) not in self._measured:
                self._measured[digest_of(weights)] = measure(
                    self._images, weights, family=self._family, on_image=on_image
                )
        of_sets = [self._measured[digest_of(weights)] for weights in sets]
        if len(sets) == 1:
            return of_sets[0]
        codecs = [self._codec(weights) for weights in sets]
        choice = WeightsChoice(codecs, self._quality)
        chosen = (of_sets[codecs.index(choice.of(image))] for image in self._images)
        return Measured(images=tuple(one.images[place] for place, one in enumerate(chosen)))

    def gains(self, before: bytes, after: bytes, images: Sequence[RGB]) -> list[float]:
        """Shares of bits that single images save with other weights, as estimated; 0 where they save nothing."""
        choice = WeightsChoice([self._codec(before), self._codec(after)], self._quality)
        return [choice.gain(image) for image in images]

    def _codec(self, weights: bytes) -> Codec:
        digest = digest_of(weights)
        if digest not in self._codecs:
            self._codecs[digest] = load_codec(self._family, encode_with=weights)
        return self._codecs[digest]
