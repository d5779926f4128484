"""Some images of a source, really encoded: into an archive of their own, which is thrown away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from pipeline.archive.adaptations import current_adaptation
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import CATALOGUE_FOLDER, SHARDS_FOLDER
from pipeline.archive.shards import build_shard, iter_rows, publish
from pipeline.archive.weights import read_stored_weights
from pipeline.compress.run import CompressRun
from pipeline.config import CompressConfig
from pipeline.events import Event, Listener, PhaseBegan, RunEnded, together
from pipeline.source.source import Source, SourceConfig
from pipeline.store.storage import Storage
from pipeline.totals import COLUMNS, Totals


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredSample:
    """What came of a sample."""

    rows: pa.Table
    """`pipeline.totals.COLUMNS` of its catalogue."""
    metadata_bytes_an_image: float
    """What shards and catalogue take beside the payloads, for each image more."""
    metadata_bytes: float
    """What an archive without images takes: it comes on top, once."""
    work_s: float
    """Seconds of CPU, all threads together; where a GPU encodes, seconds of the clock."""
    on_gpu: bool


class _Listed(Source):
    """Images of a source that were drawn before."""

    def __init__(self, config: SourceConfig, images: pa.Table) -> None:
        super().__init__(config)
        self._images = images

    def batches(self) -> Iterator[pa.RecordBatch]:
        yield from self._images.to_batches()


def encode_sample(
    images: pa.Table, source: SourceConfig, archive: Storage | None, config: CompressConfig, listen: Listener
) -> MeasuredSample:
    """Encode images in this process as a run into an archive would.

    Args:
        images: rows of a listing of `source`.
        archive: whose weights are used where it has learned some; None where there is none yet.
        config: what the run would be told.
    Raises:
        SourceError, StorageError, ConfigError, ArchiveError: as `CompressRun.run`.
    """
    import torch  # whoever only lists needs none

    on_gpu = torch.cuda.is_available()
    watch = _Stopwatch(on_gpu)
    with TemporaryDirectory(prefix="tenfold-plan-") as folder:
        scratch = Storage(Path(folder, "archive"))
        sample_config = _config_of_sample(config, archive, Path(folder, "weights"))
        CompressRun(_Listed(source, images), scratch, sample_config).run(together(watch, listen))
        rows = Catalogue(scratch).table(COLUMNS)
        every, of_one = (
            _bytes_of_metadata(scratch),
            _bytes_of_metadata(_of_one(scratch, Storage(Path(folder, "one")))),
        )
    each = max(0.0, (every - of_one) / max(1, rows.num_rows - 1))
    return MeasuredSample(
        rows=rows,
        metadata_bytes_an_image=each,
        metadata_bytes=of_one - each,
        work_s=watch.work_s,
        on_gpu=on_gpu,
    )


def _bytes_of_metadata(archive: Storage) -> int:
    """Bytes of shards and catalogue that are no payloads."""
    held = sum(info.size for part in (SHARDS_FOLDER, CATALOGUE_FOLDER) for info in archive.list(part))
    return held - Totals.of_stream(Catalogue(archive).scan(COLUMNS)).payload_bytes


def _of_one(archive: Storage, scratch: Storage) -> Storage:
    """Another archive, of the first image of the first shard alone."""
    first = min(Catalogue(archive).shards())
    _, row = next(iter_rows(archive, first, only=[0]))
    shard = build_shard([row], metadata={})
    catalogue = Catalogue(scratch)
    catalogue.create()
    catalogue.commit(shard.named(publish(scratch, shard, row.run, 0)), run=row.run)
    return scratch


def _config_of_sample(config: CompressConfig, archive: Storage | None, weights: Path) -> CompressConfig:
    """For a run in this process, with the weights that the archive has learned, if any."""
    workers = config.workers.model_copy(update={"count": 0, "ray_address": None})
    sample_config = config.model_copy(update={"workers": workers, "nightly": None, "adapt": None})
    record = None if archive is None else current_adaptation(archive, config.codec.id)
    if archive is None or config.codec.weights is not None or record is None or not record.weights:
        return sample_config
    weights.write_bytes(read_stored_weights(archive, record.encodes_with[0]))
    return sample_config.model_copy(
        update={"codec": config.codec.model_copy(update={"weights": str(weights)})}
    )


class _Stopwatch:
    """Runs while a run works, not while it gets ready."""

    def __init__(self, on_gpu: bool) -> None:
        self._clock = time.perf_counter if on_gpu else time.process_time
        self._began: float | None = None
        self.work_s = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, PhaseBegan) and event.phase == "working":
            self._began = self._clock()
        elif isinstance(event, RunEnded) and self._began is not None:
            self.work_s = self._clock() - self._began
