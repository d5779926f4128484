"""The images of a sample in memory, as crops: those only that the codec is going to be asked about."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from codec.contract import RGB
from codec.training.config import DataConfig
from codec.training.gather import crops_of
from codec.training.image_crops import Crops, photo_of
from pipeline.adapt.sample import SourceSample
from pipeline.encode.read_ahead import ReadAhead
from pipeline.encode.types import Fetched
from pipeline.image.read import to_rgb
from pipeline.types import Image, SourceImage

_LEARNED_SIDE: Final = 512
"""Larger images are held as crops of so many pixels a side."""
_MOST_CROPS: Final = 4
_MEMORY: Final = 512 * 2**20
"""About what the pixels to learn from may take."""
_JUDGED_SIDE: Final = 512
"""Of one crop of each image held back: enough for a payload's head to count little, few enough for fourteen encodes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedSample:
    """What was read of a sample."""

    learn: Crops
    held_back: tuple[RGB, ...]
    held_back_keys: tuple[str, ...]
    read: int
    """Images of the sample that are there."""
    modelled: int
    """Of these: images that a codec is asked about, and that are seen here for the first time."""
    pixels: int
    source_bytes: int
    """Of the images that are modelled."""

    @property
    def learned_from(self) -> int:
        """Images that `learn` has crops of."""
        return len({photo_of(name) for name in self.learn.names})


def load_sample(
    sample: SourceSample, ahead: ReadAhead, *, seed: int, patch: int, on_image: Callable[[int], None]
) -> LoadedSample:
    """Read a sample.

    Args:
        patch: an image with a shorter side than this is too small to learn from, or to judge by.
        on_image: told after every image how many were read.
    Raises:
        StoreDownError: the source is out of reach.
    """
    seen = _Seen()
    judged = DataConfig(crop=_JUDGED_SIDE, crops_per_image=1)
    held_back = [
        (key, next(crops_of(f"{number:06d}", rgb, judged, seed))[1])
        for number, (key, rgb) in enumerate(seen.images(ahead, sample.held_back, on_image))
        if min(rgb.shape[:2]) >= patch
    ]
    per_image = max(1, min(_MOST_CROPS, _MEMORY // (3 * _LEARNED_SIDE**2 * max(len(sample.learn), 1))))
    learned = DataConfig(crop=_LEARNED_SIDE, crops_per_image=per_image)
    crops = [
        crop
        for number, (_, rgb) in enumerate(seen.images(ahead, sample.learn, on_image))
        if min(rgb.shape[:2]) >= patch
        for crop in crops_of(f"{number:06d}", rgb, learned, seed)  # keys may look like crops of one image
    ]
    return LoadedSample(
        learn=Crops(names=tuple(name for name, _ in crops), pixels=tuple(rgb for _, rgb in crops)),
        held_back=tuple(rgb for _, rgb in held_back),
        held_back_keys=tuple(key for key, _ in held_back),
        read=seen.read,
        modelled=seen.modelled,
        pixels=seen.pixels,
        source_bytes=seen.source_bytes,
    )


@dataclass(slots=True, kw_only=True)
class _Seen:
    """Counts what is read; a file that is byte for byte an earlier one is passed over."""

    done: int = 0
    read: int = 0
    modelled: int = 0
    pixels: int = 0
    source_bytes: int = 0
    _hashes: set[bytes] = field(default_factory=set)

    def images(
        self, ahead: ReadAhead, sources: Sequence[SourceImage], on_image: Callable[[int], None]
    ) -> Iterator[tuple[str, RGB]]:
        for fetched in ahead.images(sources):
            self.done += 1
            rgb = self._taken(fetched)
            if rgb is not None:
                yield fetched.source.key, rgb
            on_image(self.done)

    def _taken(self, fetched: Fetched) -> RGB | None:
        if fetched.data is None:
            return None
        self.read += 1
        digest = hashlib.sha256(fetched.data).digest()
        if not isinstance(fetched.content, Image) or fetched.exact is not None or digest in self._hashes:
            return None
        self._hashes.add(digest)
        rgb = to_rgb(fetched.content)
        self.modelled += 1
        self.pixels += rgb.shape[0] * rgb.shape[1]
        self.source_bytes += len(fetched.data)
        return rgb
