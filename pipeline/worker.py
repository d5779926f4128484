"""The encoder worker: source images in, published shards out. Plain Python; Ray only wraps it (actors.py)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import pyarrow as pa
import torch

from codec.contract import QUALITIES, RGB, Codec, Encoded
from codec.metrics import bpp
from codec.registry import load_codec
from pipeline.config import CompressConfig
from pipeline.images import ReadLimits, to_rgb
from pipeline.plan import StoredPlan
from pipeline.readahead import Fetched, ReadAhead
from pipeline.rows import coded_row, failed_row, kept_row
from pipeline.shards import build_shard, publish
from pipeline.sources import Source, SourceConfig
from pipeline.storage import Storage
from pipeline.types import Image, ShardRow, SourceImage

_CALIBRATION_MEGAPIXELS = 1.0
"""Sample images are cropped to this for calibration: a rate needs no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeTask:
    """Encode one planned unit, or a part of it. Images never travel: the worker reads the plan itself."""

    run: str
    number: int
    quality: int
    indices: tuple[int, ...] | None = None
    """Positions in the unit, or None for all of it."""
    give_up: str | None = None
    """When set, write these images as failed for this reason without touching them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrateTask:
    """Find the quality that meets a rate on a sample of one unit."""

    run: str
    number: int
    target_bpp: float
    max_images: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What `CalibrateTask` found: the best quality whose rate is at most the target's."""

    quality: int
    bpp: float
    images: int


@dataclass(slots=True, kw_only=True)
class Stages:
    """Seconds of work by stage, summed over threads."""

    read_s: float = 0.0
    decode_s: float = 0.0
    encode_s: float = 0.0
    """Pixels to payload."""
    check_s: float = 0.0
    """Payload back to pixels."""
    measure_s: float = 0.0
    """PSNR, MS-SSIM, deflate, hashes."""
    publish_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeResult:
    """What one task put into the archive; its shards are published, not yet in the catalogue."""

    rows: pa.Table
    """CatalogueRow columns of every image of the task."""
    stages: Stages


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec:
    """Builds an encoder where it will live."""

    archive_url: str
    source: SourceConfig
    config: CompressConfig

    def build(self, *, threads: int) -> EncoderWorker:
        """Load the codec and open the stores; `threads` is this worker's share of the CPU."""
        torch.set_num_threads(threads)
        return EncoderWorker(
            codec=load_codec(self.config.codec.id),
            source=Source(self.source),
            archive=Storage(self.archive_url, self.config.storage),
            config=self.config,
            threads=threads,
        )


class EncoderWorker:
    """Holds one codec on one device and encodes units.

    `run` may be called from two threads: the second call reads ahead while the first one encodes.
    """

    def __init__(
        self, *, codec: Codec, source: Source, archive: Storage, config: CompressConfig, threads: int
    ) -> None:
        """Take the resident codec, the stores, and this worker's share of the CPU."""
        self._codec = codec
        self._archive = archive
        self._config = config
        self._turn = Lock()
        self._ahead = ReadAhead(
            source.read,
            limits=ReadLimits(max_pixels=int(config.limits.max_megapixels * 1e6)),
            buffer_bytes=int(config.workers.buffer_mib * 2**20),
            fetch_threads=max(4, 2 * threads),
            decode_threads=threads,
        )
        self._finishers = ThreadPoolExecutor(threads, thread_name_prefix="finish")

    def run(self, task: EncodeTask | CalibrateTask) -> EncodeResult | Calibration:
        """Do one task.

        Raises:
            StorageError: the archive cannot be read or written; a source image that cannot be is a row.
        """
        sources = StoredPlan(self._archive, task.run).load(task.number)
        if isinstance(task, CalibrateTask):
            return self._calibrate(sources, task)
        if task.indices is not None:
            sources = [sources[index] for index in task.indices]
        stages = Stages()
        if task.give_up is not None:
            reason = task.give_up
            given_up = (failed_row(source, None, reason, run=task.run) for source in sources)
            return EncodeResult(rows=self._publish(given_up, task, stages), stages=stages)
        fetched = self._ahead.images(sources)
        with self._turn:
            return EncodeResult(
                rows=self._publish(self._rows(fetched, task, stages), task, stages), stages=stages
            )

    def close(self) -> None:
        """Stop the threads."""
        self._ahead.close()
        self._finishers.shutdown(wait=True, cancel_futures=True)

    def _rows(self, images: Iterable[Fetched], task: EncodeTask, stages: Stages) -> Iterator[ShardRow]:
        """One row for every image: batches are measured in other threads while the next one is encoded."""
        finishing: deque[Future[tuple[ShardRow, float]]] = deque()

        def finished() -> ShardRow:
            row, seconds = finishing.popleft().result()
            stages.measure_s += seconds
            return row

        for batch in self._batches(images):
            for fetched in batch:
                stages.read_s += fetched.read_s
                stages.decode_s += fetched.decode_s
            coded = self._encode([f for f in batch if isinstance(f.content, Image)], task.quality, stages)
            submitted = [self._finishers.submit(self._row, f, coded, task) for f in batch]
            while finishing:
                yield finished()
            finishing.extend(submitted)
        while finishing:
            yield finished()

    def _batches(self, images: Iterable[Fetched]) -> Iterator[list[Fetched]]:
        """Images in order, as many together as the batch size allows, at least one."""
        limit = self._config.workers.batch_megapixels * 1e6
        batch: list[Fetched] = []
        pixels = 0
        for fetched in images:
            more = fetched.content.pixels.size if isinstance(fetched.content, Image) else 0
            if batch and pixels + more > 3 * limit:
                yield batch
                batch, pixels = [], 0
            batch.append(fetched)
            pixels += more
        if batch:
            yield batch

    def _encode(
        self, batch: list[Fetched], quality: int, stages: Stages
    ) -> dict[str, tuple[Encoded, RGB] | str]:
        """By key: the payload and the pixels it decodes to, or why there is none.

        A batch that fails is halved until the image that the codec cannot take is alone: it is kept.
        """
        if not batch:
            return {}
        started = time.perf_counter()
        try:
            images = [to_rgb(f.content) for f in batch if isinstance(f.content, Image)]
            encoded = self._codec.encode(images, quality=quality)
            checked = time.perf_counter()
            stages.encode_s += checked - started
            decoded = self._codec.decode([one.payload for one in encoded])
            stages.check_s += time.perf_counter() - checked
        except Exception as error:  # noqa: BLE001  the row boundary: one image never stops a run
            if len(batch) == 1:
                return {
                    batch[0].source.key: f"the codec could not encode it: {type(error).__name__}: {error}"
                }
            half = len(batch) // 2
            return {
                **self._encode(batch[:half], quality, stages),
                **self._encode(batch[half:], quality, stages),
            }
        return {
            fetched.source.key: self._checked(one, back)
            for fetched, one, back in zip(batch, encoded, decoded, strict=True)
        }

    def _checked(self, encoded: Encoded, decoded: RGB) -> tuple[Encoded, RGB] | str:
        crc = self._codec.symbols_crc32(encoded.payload)
        if crc != encoded.symbols_crc32:
            return f"self-check failed: symbols CRC {crc:08x} decoded, {encoded.symbols_crc32:08x} encoded"
        return encoded, decoded

    def _row(
        self, fetched: Fetched, coded: dict[str, tuple[Encoded, RGB] | str], task: EncodeTask
    ) -> tuple[ShardRow, float]:
        started = time.perf_counter()
        content = fetched.content
        if isinstance(content, str):
            row = failed_row(fetched.source, fetched.data, content, run=task.run)
        elif not isinstance(content, Image):
            row = kept_row(fetched, content.reason, run=task.run)
        else:
            outcome = coded[fetched.source.key]
            if isinstance(outcome, str):
                row = kept_row(fetched, outcome, run=task.run)
            else:
                row = coded_row(
                    fetched, content, *outcome, codec=self._codec.id, quality=task.quality, run=task.run
                )
        return row, time.perf_counter() - started

    def _publish(self, rows: Iterable[ShardRow], task: EncodeTask, stages: Stages) -> pa.Table:
        """Write the rows as one shard, or as several when their payloads outgrow the target."""
        target = int(self._config.shard.target_mib * 2**20)
        tables: list[pa.Table] = []
        waiting: list[ShardRow] = []
        waiting_bytes = 0
        for row in rows:
            more = sum(len(part or b"") for part in (row.payload, row.exif, row.icc, row.xmp, row.alpha))
            if waiting and waiting_bytes + more > target:
                tables.append(self._publish_one(waiting, task, stages))
                waiting, waiting_bytes = [], 0
            waiting.append(row)
            waiting_bytes += more
        tables.append(self._publish_one(waiting, task, stages))
        return pa.concat_tables(tables)

    def _publish_one(self, rows: list[ShardRow], task: EncodeTask, stages: Stages) -> pa.Table:
        started = time.perf_counter()
        shard = build_shard(rows, metadata={"run": task.run, "unit": str(task.number)})
        path = publish(self._archive, shard, run=task.run, number=task.number)
        stages.publish_s += time.perf_counter() - started
        return shard.named(path)

    def _calibrate(self, sources: list[SourceImage], task: CalibrateTask) -> Calibration:
        """Bisect the qualities: rate grows with quality, and six encodes of a few images settle it."""
        step = max(1, len(sources) // task.max_images)
        sample = [
            _centre(to_rgb(fetched.content))
            for fetched in self._ahead.images(sources[::step][: task.max_images])
            if isinstance(fetched.content, Image)
        ]
        pixels = sum(image.shape[0] * image.shape[1] for image in sample)
        best = Calibration(quality=QUALITIES.start, bpp=0.0, images=len(sample))
        low, high = QUALITIES.start, QUALITIES.stop - 1
        while sample and low <= high:
            middle = (low + high) // 2
            payloads = [one.payload for one in self._codec.encode(sample, quality=middle)]
            reached = bpp(sum(map(len, payloads)), pixels, 1)
            if reached <= task.target_bpp:
                best = Calibration(quality=middle, bpp=reached, images=len(sample))
                low = middle + 1
            else:
                high = middle - 1
        return best


def _centre(image: RGB) -> RGB:
    side = int((_CALIBRATION_MEGAPIXELS * 1e6) ** 0.5)
    top, left = (max(0, extent - side) // 2 for extent in image.shape[:2])
    return image[top : top + side, left : left + side]
