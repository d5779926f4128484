"""From a stream of images to crops in memory: large images are cropped, and reading stops when memory is full."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from codec.contract import RGB
from codec.errors import TrainingError
from codec.training.config import DataConfig, TrainConfig
from codec.training.image_crops import Crops
from codec.training.image_files import ReadImage
from codec.training.session import current_session, stage


class Skipped:
    """Images that were not used: how many for which reason, and the first of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, name: str, reason: str) -> None:
        """Take note of one."""
        self.counts[reason] += 1
        self._first.setdefault(reason, name)

    def __str__(self) -> str:
        """The commonest reasons."""
        common = self.counts.most_common(6)
        return ", ".join(f"{count:,} {reason} (first: {self._first[reason]})" for reason, count in common)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gathered:
    """The crops, and what became of everything else."""

    crops: Crops
    images: int
    """That gave crops."""
    skipped: Skipped
    cut: str | None
    """Which limit ended the reading, if one did."""

    def __str__(self) -> str:
        """For a person."""
        gib = self.crops.nbytes / 2**30
        words = f"{len(self.crops):,} crops of {self.images:,} images in memory ({gib:.2f} GiB)"
        if self.skipped.counts:
            words += f"; {self.skipped.counts.total():,} skipped: {self.skipped}"
        return f"{words}; the rest was left out: {self.cut} is reached" if self.cut else words


def gather(found: Iterable[ReadImage], config: TrainConfig, *, where: str) -> Gathered:
    """Hold what a config allows of the images found.

    Raises:
        TrainingError: none of them is at least one patch large.
    """
    data, least = config.data, config.patch
    names: list[str] = []
    pixels: list[RGB] = []
    skipped = Skipped()
    images = held = 0
    cut = None
    session = current_session()
    for image in stage("images read", found):
        if images >= data.max_images:
            cut = f"data.max_images of {data.max_images:,}"
            break
        if held >= data.max_gib * 2**30:
            cut = f"data.max_gib of {data.max_gib:g}"
            break
        if session is not None and session.ends_reading(images):
            cut = "what the run's first session had time to read"
            break
        if isinstance(image.content, str):
            skipped.add(image.name, image.content)
            continue
        if min(image.content.shape[:2]) < least:
            skipped.add(image.name, f"smaller than {least} pixels")
            continue
        images += 1
        for name, crop in crops_of(image.name, image.content, data, config.seed):
            names.append(name)
            pixels.append(crop)
            held += crop.nbytes
    if not names:
        raise TrainingError(
            f"expected images of at least {least} x {least} pixels at {where}, got "
            f"{str(skipped) or 'no images at all'}; name other data, or train on a smaller `patch`"
        )
    crops = Crops(names=tuple(names), pixels=tuple(pixels))
    return Gathered(crops=crops, images=images, skipped=skipped, cut=cut)


def crops_of(name: str, pixels: RGB, data: DataConfig, seed: int) -> Iterator[tuple[str, RGB]]:
    """The image itself, or crops of it at places that its name and the seed decide."""
    height, width = pixels.shape[:2]
    high, wide = min(height, data.crop), min(width, data.crop)
    if (high, wide) == (height, width):
        yield name, pixels
        return
    path = PurePosixPath(name)
    rng = np.random.default_rng((seed, zlib.crc32(name.encode(errors="surrogateescape"))))
    for number in range(min(data.crops_per_image, -(-height * width // (high * wide)))):
        top, left = int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1))
        crop = pixels[top : top + high, left : left + wide].copy()  # a view would hold the whole image
        yield str(path.with_name(f"{path.stem}-{number}{path.suffix}")), crop
