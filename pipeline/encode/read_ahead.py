"""Read and decode images ahead of the codec, in order, with bounded memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Semaphore

from pipeline.config import CompressConfig
from pipeline.encode.beside import NOTHING, BesideImages
from pipeline.encode.exact_policy import ExactPolicy
from pipeline.encode.types import Fetched
from pipeline.image.read import ReadLimits, read_image
from pipeline.source.original import read_or_reason
from pipeline.source.taking import NO_IMAGE
from pipeline.types import Image, SourceImage, Unmodelled

_MAX_AHEAD = 64
"""Images being read or waiting, at most: enough to hide the latency of an object store."""
_LEAST_FETCHES = 4
"""Reads under way at once, on a single core too."""


class ReadAhead:
    """Threads that fetch and decode. Shared by the tasks of one worker."""

    def __init__(
        self,
        read: Callable[[SourceImage], bytes],
        config: CompressConfig,
        *,
        policy: ExactPolicy,
        threads: int,
    ) -> None:
        """Start nothing yet.

        Args:
            read: gives the bytes of a source image; raises StorageError, SourceError or OSError.
            config: its limits say what `read_image` may decode, its buffer how many bytes of decoded images wait in one
                `images` iteration, at most; one, and those being decoded, may exceed it.
            policy: which images are stored without loss.
            threads: decodes under way at once; of reads there are more.
        """
        self._read = read
        self._limits = ReadLimits(max_pixels=config.limits.max_pixels)
        self._beside = BesideImages(config, self._limits)
        self._policy = policy
        self._buffer_bytes = int(config.workers.buffer_mib * 2**20)
        self._threads = ThreadPoolExecutor(max(_LEAST_FETCHES, 2 * threads), thread_name_prefix="read-ahead")
        self._decoding = Semaphore(threads)

    def images(self, sources: Sequence[SourceImage]) -> Iterator[Fetched]:
        """Every source image in order. Reading starts now, not at the first `next`.

        Raises:
            StoreDownError: while iterating, when the whole store is out of reach.
        """
        waiting: deque[Future[Fetched]] = deque()
        todo = iter(sources)
        self._top_up(waiting, todo)
        return self._drain(waiting, todo)

    def _drain(self, waiting: deque[Future[Fetched]], todo: Iterator[SourceImage]) -> Iterator[Fetched]:
        try:
            while waiting:
                fetched = waiting.popleft().result()
                self._top_up(waiting, todo)
                yield fetched
        finally:
            for future in waiting:
                future.cancel()

    def _top_up(self, waiting: deque[Future[Fetched]], todo: Iterator[SourceImage]) -> None:
        while not waiting or (len(waiting) < _MAX_AHEAD and self._has_room(waiting)):
            source = next(todo, None)
            if source is None:
                return
            waiting.append(self._threads.submit(self._fetch, source))

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _has_room(self, waiting: deque[Future[Fetched]]) -> bool:
        held = sum(future.result().decoded_bytes for future in waiting if future.done())
        return held < self._buffer_bytes

    def _fetch(self, source: SourceImage) -> Fetched:
        started = time.perf_counter()
        data = read_or_reason(self._read, source)
        if isinstance(data, str):
            return _failed(source, None, data, started)
        with self._decoding:
            fetched = time.perf_counter()
            content = self._content(source, data)
            exact, beside = None, NOTHING
            if isinstance(content, Image):
                exact = self._policy.why_exact(source, data, content)
                if exact is None and source.prior.kept is None:
                    beside = self._beside.of(source.key, content)
            return Fetched(
                source=source,
                data=data,
                content=content,
                beside=beside,
                exact=exact,
                read_s=fetched - started,
                decode_s=time.perf_counter() - fetched,
            )

    def _content(self, source: SourceImage, data: bytes) -> Image | Unmodelled:
        if source.prior.kept == NO_IMAGE:  # nobody asked what it holds
            return Unmodelled(reason=NO_IMAGE, source_format=None)
        return read_image(data, limits=self._limits)


def _failed(source: SourceImage, data: bytes | None, reason: str, started: float) -> Fetched:
    return Fetched(
        source=source, data=data, content=reason, read_s=time.perf_counter() - started, decode_s=0.0
    )
