"""Who waits for whom: the codec for images that are being read, or images that were read for the codec."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pipeline.encode.tasks import Waits
from pipeline.encode.types import Fetched


class Awaited:
    """Images as the codec takes them, and how long either waited for the other."""

    def __init__(self, images: Iterator[Fetched]) -> None:
        """Take what reads ahead."""
        self._images = images
        self._codec_s = self._images_s = 0.0

    @property
    def waits(self) -> Waits:
        """What was waited so far."""
        return Waits(codec_s=self._codec_s, images_s=self._images_s)

    def __iter__(self) -> Awaited:
        return self

    def __next__(self) -> Fetched:
        asked_at = time.perf_counter()
        fetched = next(self._images)
        self._codec_s += max(0.0, fetched.ready_at - asked_at)
        self._images_s += max(0.0, asked_at - fetched.ready_at)
        return fetched
