"""How a stream of source images is cut into units of work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.config import ShardConfig
from pipeline.types import SourceImage

_MIN_TAIL_IMAGES = 8
"""A short listing is shared among the workers in pieces of at least this many images."""


def cut(images: Iterable[SourceImage], limits: ShardConfig, *, parallel: int) -> Iterator[list[SourceImage]]:
    """Cut a stream of images into units, each as soon as it is full.

    The last images are spread so that a listing shorter than a few units still feeds `parallel` workers.
    """
    max_bytes = int(limits.max_source_mib * 2**20)
    waiting: list[SourceImage] = []
    waiting_bytes = 0
    for image in images:
        size = image.size or 0
        if waiting and (len(waiting) >= limits.max_images or waiting_bytes + size > max_bytes):
            yield waiting
            waiting, waiting_bytes = [], 0
        waiting.append(image)
        waiting_bytes += size
    pieces = max(1, min(2 * max(parallel, 1), len(waiting) // _MIN_TAIL_IMAGES))
    for piece in range(pieces):
        part = waiting[len(waiting) * piece // pieces : len(waiting) * (piece + 1) // pieces]
        if part:
            yield part
