"""What effort is going to cost, said before it is spent."""

from __future__ import annotations

import heapq
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from codec.codec import Codec
from codec.contract import EncodeOptions
from codec.registry import load_codec
from pipeline.image.read import read_image
from pipeline.source.original import read_or_reason
from pipeline.types import Image, SourceImage

_SIDE_ON_CPU, _SIDE_ON_GPU = 256, 1024
"""Of the picture that is encoded to find out. What it shows changes nothing."""
_WARM_SIDE: Final = 64
_SAMPLED: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortCost:
    """What encoding takes with an effort."""

    effort: int
    seconds_per_megapixel: float
    """Measured on this machine: of one core, or of its GPU where it has one."""
    on_gpu: bool
    megapixels: float | None = None
    """About what is to be encoded; None where nobody has looked."""

    @property
    def seconds(self) -> float | None:
        """Of one core, or one GPU, for all of that."""
        return None if self.megapixels is None else self.megapixels * self.seconds_per_megapixel


def measure_effort(codec: Codec, effort: int) -> EffortCost:
    """Encode one small picture here.

    Args:
        codec: on any device; what counts is a GPU of this machine, where it has one.
    Raises:
        CodecConfigError: it does not know the effort.
    """
    import torch  # what only plans needs none

    on_gpu = torch.cuda.is_available()
    if on_gpu:
        (weights,) = codec.weights.values()
        codec = load_codec(codec.id, encode_with=weights)
    side = _SIDE_ON_GPU if on_gpu else _SIDE_ON_CPU
    clock = time.perf_counter if on_gpu else time.process_time
    picture = np.random.default_rng(0).integers(90, 130, (side, side, 3), np.uint8)
    quality = float(codec.default_quality)
    warm = picture[:_WARM_SIDE, :_WARM_SIDE]  # what is loaded at first use is no cost
    codec.encode([warm], EncodeOptions(quality=quality, effort=1))
    begun = clock()
    codec.encode([picture], EncodeOptions(quality=quality, effort=effort))
    seconds = clock() - begun
    return EffortCost(effort=effort, seconds_per_megapixel=seconds / (side * side / 1e6), on_gpu=on_gpu)


class FewImages:
    """Some of the images that it is shown, whatever the order: few enough to be read."""

    def __init__(self) -> None:
        """None yet."""
        self._kept: list[tuple[int, str, SourceImage]] = []

    def show(self, image: SourceImage) -> None:
        """Take it, or not."""
        one = (zlib.crc32(image.key.encode()), image.key, image)
        if len(self._kept) < _SAMPLED:
            heapq.heappush(self._kept, one)
        else:
            heapq.heappushpop(self._kept, one)

    def mean_megapixels(self, read: Callable[[SourceImage], bytes]) -> float:
        """Of one image; of those that a codec is not asked about 0.

        Args:
            read: as `Source.read`.
        Raises:
            StoreDownError: the source is out of reach.
        """
        sizes = [_megapixels(read_or_reason(read, image)) for _, _, image in self._kept]
        return sum(sizes) / max(len(sizes), 1)


def _megapixels(file: bytes | str) -> float:
    content = file if isinstance(file, str) else read_image(file)
    return content.width * content.height / 1e6 if isinstance(content, Image) else 0.0
