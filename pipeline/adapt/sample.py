"""Which images of a source a codec learns from, and which are held back to judge what it has learned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from codec.training.image_files import sample
from pipeline.config import AdaptConfig
from pipeline.types import SourceImage

LEAST_LISTED: Final = 24
"""Images of a source: of fewer, too few are left to learn from when some are held back."""
_LEAST_HELD_BACK, _MOST_HELD_BACK = 8, 20
_SHARE_HELD_BACK: Final = 1 / 8
_RUNS: Final = 4
"""What is held back are so many runs of neighbours in the order of keys, with room around each: shots of one burst,
pages of one book and crops of one picture are neighbours, and must not be on both sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSample:
    """A random sample of a source."""

    learn: tuple[SourceImage, ...]
    held_back: tuple[SourceImage, ...]
    """None of them a neighbour of one that is learned from."""
    listed_images: int
    """In the source."""
    listed_bytes: int
    """Of their files; one whose size a list does not tell counts 0."""


def draw_sample(images: Iterable[SourceImage], config: AdaptConfig) -> SourceSample:
    """List a source to its end, and draw from it; each image has the same chance."""
    count = _Count()
    drawn, listed = sample(count.of(images), config.max_images, seed=config.seed)
    most = config.max_source_mib * 2**20
    sizes = accumulate(image.size or 0 for image in drawn)
    taken = [image for image, size in zip(drawn, sizes, strict=True) if size <= most]
    if len(taken) < LEAST_LISTED:  # of large files
        taken = drawn[:LEAST_LISTED]
    learn, held_back = split(sorted(taken, key=lambda image: image.key))
    return SourceSample(learn=learn, held_back=held_back, listed_images=listed, listed_bytes=count.bytes)


def split(images: Sequence[SourceImage]) -> tuple[tuple[SourceImage, ...], tuple[SourceImage, ...]]:
    """(to learn from, held back) of images in the order of their keys; an image beside a run of those is in neither."""
    wanted = min(max(round(len(images) * _SHARE_HELD_BACK), _LEAST_HELD_BACK), _MOST_HELD_BACK)
    runs = _RUNS if len(images) >= 4 * _RUNS * _RUNS else 2
    length = min(-(-wanted // runs), len(images) // (2 * runs))
    part = len(images) / runs
    firsts = [round(part * number + (part - length) / 2) for number in range(runs)]
    held_back = {first + step for first in firsts for step in range(length)}
    neighbours = {place + step for place in held_back for step in (-1, 1)}
    return (
        tuple(image for place, image in enumerate(images) if place not in held_back | neighbours),
        tuple(image for place, image in enumerate(images) if place in held_back),
    )


@dataclass(slots=True)
class _Count:
    """Counts the bytes of what goes through."""

    bytes: int = 0

    def of(self, images: Iterable[SourceImage]) -> Iterator[SourceImage]:
        for image in images:
            self.bytes += image.size or 0
            yield image
