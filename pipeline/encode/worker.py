"""The encoder worker: source images in, published shards out. Plain Python; Ray only wraps it (ray_pool.py).

plan -> ReadAhead -> batches -> Coder, at the pace of the unit -> rows -> shards
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Lock

from codec.codec import Codec
from pipeline.archive.shards import why_too_large
from pipeline.archive.stored_plan import StoredPlan
from pipeline.config import CompressConfig
from pipeline.encode.awaited import Awaited
from pipeline.encode.batch_encoder import BatchEncoder
from pipeline.encode.exact_policy import ExactPolicy
from pipeline.encode.previews import with_preview
from pipeline.encode.publish import TimedRow, publish_rows
from pipeline.encode.quality_floors import Floors
from pipeline.encode.rate_control import FixedQuality, RateControl, TargetRate
from pipeline.encode.rate_forecast import UnitSample, sample_of
from pipeline.encode.read_ahead import ReadAhead
from pipeline.encode.repeats import FirstOne, Repeats, identity_of
from pipeline.encode.rows import coded_row, deep_row, exact_row, failed_row, kept_row, repeated_row
from pipeline.encode.tasks import EncodeResult, EncodeTask, Stages
from pipeline.encode.types import Coded, Fetched
from pipeline.encode.weights_choice import WeightsChoice
from pipeline.image.read import ReadLimits
from pipeline.source.source import Source
from pipeline.store.storage import Storage
from pipeline.types import Image, ShardRow, SourceImage


class EncoderWorker:
    """Holds one codec on one device, with one or several sets of weights, and encodes units.

    `run` may be called from two threads: the second call reads ahead while the first one encodes.
    """

    def __init__(
        self,
        *,
        codecs: Sequence[Codec],
        source: Source,
        archive: Storage,
        config: CompressConfig,
        threads: int,
    ) -> None:
        """Take the resident codec, once for each set of weights, the stores, and this worker's share of the CPU."""
        self._codec = codecs[0]
        self._weights = WeightsChoice(codecs, float(config.codec.quality_of(self._codec)))
        self._coder = BatchEncoder(self._weights, Floors.of(config.codec), effort=config.codec.effort)
        self._archive = archive
        self._config = config
        self._limits = ReadLimits(max_pixels=config.limits.max_pixels)
        self._policy = ExactPolicy(config.lossless, config.max_error)
        self._turn = Lock()
        self._ahead = ReadAhead(source.read, config, policy=self._policy, threads=threads)
        self._finishers = ThreadPoolExecutor(threads, thread_name_prefix="finish")

    def run(self, task: EncodeTask) -> EncodeResult:
        """Do one task.

        Raises:
            StorageError: the archive cannot be read or written; a source image that cannot be is a row.
        """
        sources = StoredPlan(self._archive, task.run).load(task.number)
        if task.indices is not None:
            sources = [sources[index] for index in task.indices]
        if task.give_up is not None:
            reason = task.give_up
            given_up = (TimedRow(row=failed_row(one, None, reason, run=task.run)) for one in sources)
            return self._publish(given_up, task)
        target_bpp = self._config.codec.target_bpp
        ahead = self._ahead.images(sources if target_bpp is None else sample_of(sources))
        with self._turn:
            started = time.perf_counter()
            if target_bpp is None:
                rate_control: RateControl = FixedQuality(float(self._config.codec.quality_of(self._codec)))
            else:
                rate_control, ahead = self._on_target(target_bpp, sources, ahead)
            searched = Stages() if target_bpp is None else Stages(search_s=time.perf_counter() - started)
            awaited = Awaited(ahead)
            result = self._publish(self._rows(awaited, rate_control, task), task)
            return replace(result, stages=searched + result.stages, waits=awaited.waits)

    def close(self) -> None:
        """Stop the threads."""
        self._ahead.close()
        self._finishers.shutdown(wait=True, cancel_futures=True)

    def _on_target(
        self, target_bpp: float, sources: Sequence[SourceImage], sampled: Iterable[Fetched]
    ) -> tuple[RateControl, Iterator[Fetched]]:
        """The pace that meets the target over these images, and the images: read while the sample is searched."""
        sample = UnitSample(self._weights, sources, sampled)
        ahead = self._ahead.images(sources)
        rate_control = TargetRate(target_bpp, sample.forecast(target_bpp))
        return rate_control, ahead

    def _rows(
        self, images: Iterable[Fetched], rate_control: RateControl, task: EncodeTask
    ) -> Iterator[TimedRow]:
        """One row for every image: batches are measured in other threads while the next one is encoded."""
        finishing: deque[Future[TimedRow]] = deque()
        repeats = Repeats(int(self._config.shard.target_mib * 2**20))
        for batch in self._batches(images):
            submitted = self._submitted(batch, repeats, rate_control, task)
            while finishing:
                yield finishing.popleft().result()
            finishing.extend(submitted)
        while finishing:
            yield finishing.popleft().result()

    def _submitted(
        self, batch: Sequence[Fetched], repeats: Repeats, rate_control: RateControl, task: EncodeTask
    ) -> list[Future[TimedRow]]:
        """The rows of a batch, on their way; of equal files only the first is coded and packed."""
        identities = [identity_of(one, self._policy.bound(one.source)) for one in batch]
        firsts = {identity: repeats.first_of(identity) for identity in identities}
        fresh = [
            fetched
            for number, (fetched, identity) in enumerate(zip(batch, identities, strict=True))
            if identity is None or (firsts[identity] is None and identities.index(identity) == number)
        ]
        coded = self._coder.code(fresh, rate_control)
        stages = coded.stages  # what the batch took, told once
        submitted = []
        for fetched, identity in zip(batch, identities, strict=True):
            key = fetched.source.key
            first = None if identity is None else firsts[identity]
            if first is not None:
                first.tell(rate_control, key)
                row = self._finishers.submit(_repeated, first, fetched, stages)
            else:
                outcome = coded.outcomes.get(key)
                row = self._finishers.submit(self._row, fetched, outcome, task.run, stages)
                firsts[identity] = met = FirstOne.of(row, outcome)
                repeats.remember(identity, len(fetched.data or b""), met)
            submitted.append(row)
            stages = Stages()
        return submitted

    def _batches(self, images: Iterable[Fetched]) -> Iterator[list[Fetched]]:
        """Images in order, as many together as the batch size allows, at least one; all of one quality."""
        limit = self._config.workers.batch_megapixels * 1e6
        batch: list[Fetched] = []
        samples = 0
        for fetched in images:
            more = fetched.content.pixels.size if isinstance(fetched.content, Image) else 0
            is_other = bool(batch) and fetched.source.prior.quality != batch[0].source.prior.quality
            if batch and (is_other or samples + more > 3 * limit):
                yield batch
                batch, samples = [], 0
            batch.append(fetched)
            samples += more
        if batch:
            yield batch

    def _row(self, fetched: Fetched, outcome: Coded | str | None, run: str, coding: Stages) -> TimedRow:
        """The row, and what it took beside `coding`; `outcome` is None for what the codec was not asked about."""
        started = time.perf_counter()
        row = self._measured(fetched, outcome, run)
        too_large = why_too_large(row)
        if too_large is not None:
            row = failed_row(fetched.source, fetched.data, too_large, run=run)
        if self._config.previews:
            row = with_preview(row, fetched, self._limits)
        measure_s = time.perf_counter() - started
        own = Stages(read_s=fetched.read_s, decode_s=fetched.decode_s, measure_s=measure_s)
        return TimedRow(row=row, stages=coding + own)

    def _measured(self, fetched: Fetched, outcome: Coded | str | None, run: str) -> ShardRow:
        content = fetched.content
        if isinstance(content, str):
            return failed_row(fetched.source, fetched.data, content, run=run)
        if isinstance(outcome, Coded):
            effort = self._config.codec.effort
            return coded_row(fetched, outcome, codec=self._codec.id, effort=effort, run=run)
        if fetched.exact is not None:
            return exact_row(fetched, fetched.exact, run=run)
        if isinstance(content, Image):
            return kept_row(fetched, fetched.source.prior.kept or str(outcome), run=run)
        return deep_row(fetched, content.reason, self._policy.bound(fetched.source), run=run)

    def _publish(self, rows: Iterable[TimedRow], task: EncodeTask) -> EncodeResult:
        target = int(self._config.shard.target_mib * 2**20)
        return publish_rows(self._archive, rows, task, target_bytes=target)


def _repeated(first: FirstOne, fetched: Fetched, coding: Stages) -> TimedRow:
    """The row of a file that is like an earlier one, whose row is finished, or being made by another thread."""
    row = repeated_row(first.row.result().row, fetched)
    return TimedRow(row=row, stages=coding + Stages(read_s=fetched.read_s, decode_s=fetched.decode_s))
