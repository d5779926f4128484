"""The decode run: archive in, image files out, on the same pool of workers as encoding."""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import torch

from codec.errors import CodecError
from pipeline.archive import decode_rows
from pipeline.catalogue import Catalogue
from pipeline.codecs import Codecs
from pipeline.config import CompressConfig
from pipeline.deliver import DEFAULT_FORMAT, deliver
from pipeline.errors import DamagedError, RestoreError, TenfoldError, UnknownKeyError
from pipeline.naming import safe_path, with_extension
from pipeline.pool import Died, Pool
from pipeline.progress import OnProgress, Progress
from pipeline.restore import FORMATS, Format
from pipeline.retry import halves, work_through
from pipeline.shards import iter_rows
from pipeline.start import start_pool
from pipeline.storage import Storage
from pipeline.totals import Totals
from pipeline.types import Image, ShardRow
from pipeline.versions import AsOf

_ROWS_PER_TASK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One image to write."""

    row: int
    """Its number in the shard."""
    key: str
    name: str
    """Of its decoded form; a kept original goes by its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeTask:
    """Write some images of one shard."""

    shard: str
    images: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeResult:
    """What became of a task's images."""

    written: int
    written_bytes: int
    pixels: int
    failed: tuple[tuple[str, str], ...]
    """(key, reason)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeSummary:
    """What `tenfold decode --json` prints."""

    images: int
    written: int
    existing: int
    """Left out, because a file of their name was there and was to stay."""
    failed: int
    without_payload: int
    """Selected images that failed when the archive was made: there is nothing to decode."""
    written_bytes: int
    seconds: float
    megapixels_per_second: float
    failures: list[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderSpec:
    """Builds a decoder where it will live."""

    wants_gpu: ClassVar[bool] = True

    archive_url: str
    destination_url: str
    fmt: Format | None
    config: CompressConfig

    def build(self, *, threads: int) -> DecoderWorker:
        """Open the stores; codecs are loaded as rows ask for them."""
        torch.set_num_threads(threads)
        return DecoderWorker(
            Storage(self.archive_url, self.config.storage),
            Storage(self.destination_url, self.config.storage),
            fmt=self.fmt,
            batch_pixels=int(self.config.workers.batch_megapixels * 1e6),
            threads=threads,
        )


class DecoderWorker:
    """Holds the codecs it has met and decodes shards."""

    def __init__(
        self, archive: Storage, destination: Storage, *, fmt: Format | None, batch_pixels: int, threads: int
    ) -> None:
        """Take the stores and this worker's share of the CPU."""
        self._archive = archive
        self._destination = destination
        self._fmt = fmt
        self._batch_pixels = batch_pixels
        self._codecs = Codecs(archive)
        self._threads = threads

    def run(self, task: DecodeTask) -> DecodeResult:
        """Decode and write the images of one task; one that cannot be is a reason in the result."""
        try:
            return self._run(task)
        except DamagedError as error:
            reason = f"{error} What is whole in it comes back with `tenfold get` or `tenfold repair`."
            failed = tuple((image.key, reason) for image in task.images)
            return DecodeResult(written=0, written_bytes=0, pixels=0, failed=failed)

    def close(self) -> None:
        """Nothing to let go of."""

    def _run(self, task: DecodeTask) -> DecodeResult:
        names = {image.row: image.name for image in task.images}
        rows = iter_rows(self._archive, task.shard, only=names)
        written = written_bytes = pixels = 0
        failed: list[tuple[str, str]] = []
        with ThreadPoolExecutor(self._threads, thread_name_prefix="write") as writers:
            for batch in self._batches(rows):
                images = self._decode([row for _, row in batch])
                outcomes = [
                    writers.submit(self._write, row, image, names[number])
                    for (number, row), image in zip(batch, images, strict=True)
                ]
                for (_, row), outcome in zip(batch, outcomes, strict=True):
                    size = outcome.result()
                    if isinstance(size, str):
                        failed.append((row.key, size))
                    else:
                        written += 1
                        written_bytes += size
                        pixels += (row.width or 0) * (row.height or 0)
        return DecodeResult(written=written, written_bytes=written_bytes, pixels=pixels, failed=tuple(failed))

    def _batches(self, rows: Iterator[tuple[int, ShardRow]]) -> Iterator[list[tuple[int, ShardRow]]]:
        batch: list[tuple[int, ShardRow]] = []
        pixels = 0
        for number, row in rows:
            more = (row.width or 0) * (row.height or 0)
            if batch and pixels + more > self._batch_pixels:
                yield batch
                batch, pixels = [], 0
            batch.append((number, row))
            pixels += more
        if batch:
            yield batch

    def _decode(self, rows: Sequence[ShardRow]) -> list[Image | str | None]:
        """The image of each coded row, None for kept ones, or the reason why there is none."""
        try:
            images = iter(decode_rows(self._codecs, [row for row in rows if row.status == "coded"]))
            return [next(images) if row.status == "coded" else None for row in rows]
        except (TenfoldError, CodecError) as error:
            if len(rows) == 1:
                return [str(error)]
            return [outcome for row in rows for outcome in self._decode([row])]

    def _write(self, row: ShardRow, image: Image | str | None, name: str) -> int | str:
        if isinstance(image, str):
            return image
        try:
            delivery = deliver(row, image, self._fmt, strict=False)
            if delivery.extensions is None:
                name = row.key
            else:  # only a fallback to another format still adds an extension here
                name = with_extension(name, delivery.extensions, lambda _name: False)
            self._destination.write(safe_path(name), delivery.data)
        except TenfoldError as error:
            return str(error)
        return len(delivery.data)


class DecodeRun:
    """One decode of (some of) an archive into a folder or bucket. Use once."""

    def __init__(
        self,
        archive: Storage,
        destination: Storage,
        config: CompressConfig,
        *,
        fmt: Format | None = None,
        keys: Collection[str] | None = None,
        glob: str | None = None,
        as_of: AsOf | None = None,
        skip_existing: bool = False,
    ) -> None:
        """Contact nothing yet.

        Args:
            fmt: format of decoded images; None for PNG, and kept images as they were.
            keys: only these; every one must be in the archive.
            glob: only keys that match, `*` crossing slashes.
            as_of: the archive as it was then.
            skip_existing: leave out images whose file is there; files appear whole, so a killed run goes on.
        """
        self._archive = archive
        self._skip_existing = skip_existing
        self._destination = destination
        self._config = config
        self._fmt: Format | None = fmt
        self._keys = keys
        self._glob = glob
        self._as_of = as_of
        self._on_progress: OnProgress = lambda _progress: None
        self._progress = Progress(verb="decode")
        self._failures: list[dict[str, str]] = []
        self._written = self._written_bytes = 0

    def run(self, on_progress: OnProgress = lambda _progress: None) -> DecodeSummary:
        """Do it.

        Raises:
            NoArchiveError, UnknownKeyError, StorageError, RestoreError: before any work where it can be known then.
        """
        self._on_progress = on_progress
        selected = self._select()
        stored = selected.filter(pc.not_equal(selected["status"], "failed"))
        self._check_apart(stored)
        self._destination.check_writable()
        wanted = stored.num_rows
        if self._skip_existing:
            stored = self._without_existing(stored)
        self._progress.listed = stored.num_rows
        self._progress.listing_done = True
        if stored.num_rows:
            self._show("starting")
            with closing(_start_pool(self._archive, self._destination, self._fmt, self._config)) as pool:
                self._work(pool, self._tasks(stored))
        self._show("done")
        return DecodeSummary(
            images=selected.num_rows,
            written=self._written,
            failed=len(self._failures),
            existing=wanted - stored.num_rows,
            without_payload=selected.num_rows - wanted,
            written_bytes=self._written_bytes,
            seconds=round(self._progress.seconds(), 3),
            megapixels_per_second=round(self._progress.megapixels_per_second(), 3),
            failures=self._failures,
        )

    def _select(self) -> pa.Table:
        columns = ["key", "shard", "row", "status", "source_url"]
        table = Catalogue(self._archive, as_of=self._as_of).table(columns)
        self._all_keys = set(table["key"].to_pylist())
        if self._keys is not None:
            self._check_keys()
            table = table.filter(pc.is_in(table["key"], pa.array(sorted(self._keys), table["key"].type)))
        if self._glob is not None:
            matches = [fnmatchcase(key, self._glob) for key in table["key"].to_pylist()]
            table = table.filter(pa.array(matches, pa.bool_()))
            if not table.num_rows:
                raise UnknownKeyError(
                    f"Expected keys that match {self._glob!r} in the archive at {self._archive.url}, got none "
                    f"of {len(self._all_keys)}; `tenfold ls` shows what it holds."
                )
        return table.sort_by([("shard", "ascending"), ("row", "ascending")])

    def _check_keys(self) -> None:
        unknown = sorted(set(self._keys or ()) - self._all_keys)
        if unknown:
            raise UnknownKeyError(
                f"Expected keys of the archive at {self._archive.url}, got {len(unknown)} it does not hold, "
                f"such as {', '.join(map(repr, unknown[:3]))}; `tenfold ls` shows what it holds."
            )

    def _check_apart(self, rows: pa.Table) -> None:
        """No original may be written over by what was decoded of it, or of another image."""
        within = f"{self._destination.url}/"
        originals = set(rows["source_url"].filter(pc.starts_with(rows["source_url"], within)).to_pylist())
        for key in rows["key"].to_pylist() if originals else ():
            for name in (key, self._name(key)):
                url = within + safe_path(name)
                if url in originals:
                    raise RestoreError(
                        f"Expected a destination apart from the images that were archived, got "
                        f"{self._destination.url}: {url} is an original, and decoding would write over it. Choose "
                        "another folder."
                    )

    def _without_existing(self, rows: pa.Table) -> pa.Table:
        there = {info.path for info in self._destination.list()}
        is_missing = [
            safe_path(self._name(key)) not in there and not (status == "kept" and safe_path(key) in there)
            for key, status in zip(rows["key"].to_pylist(), rows["status"].to_pylist(), strict=True)
        ]
        return rows.filter(pa.array(is_missing, pa.bool_()))

    def _tasks(self, rows: pa.Table) -> Iterator[DecodeTask]:
        columns = (rows[name].to_pylist() for name in ("shard", "row", "key"))
        for shard, group in itertools.groupby(zip(*columns, strict=True), key=lambda row: row[0]):
            members = [Wanted(row=row, key=key, name=self._name(key)) for _, row, key in group]
            for start in range(0, len(members), _ROWS_PER_TASK):
                yield DecodeTask(shard=shard, images=tuple(members[start : start + _ROWS_PER_TASK]))

    def _name(self, key: str) -> str:
        return with_extension(key, FORMATS[self._fmt or DEFAULT_FORMAT], self._all_keys.__contains__)

    def _work(self, pool: Pool[DecodeTask, DecodeResult], tasks: Iterator[DecodeTask]) -> None:
        self._progress.work_started = time.monotonic()
        self._show("working")
        for outcome in work_through(pool, tasks, _split):
            if isinstance(outcome, Died):
                reason = f"its worker died each time it was tried alone: {outcome.reason}"
                self._fail(outcome.task.images[0].key, reason)
            elif outcome is not None:
                self._take(outcome.result)
            self._on_progress(self._progress)

    def _take(self, result: DecodeResult) -> None:
        self._written += result.written
        self._written_bytes += result.written_bytes
        for key, reason in result.failed:
            self._fail(key, reason)
        self._progress.finished += result.written
        self._progress.totals += Totals(pixels=result.pixels)

    def _fail(self, key: str, reason: str) -> None:
        self._failures.append({"key": key, "reason": reason})
        self._progress.finished += 1
        self._progress.totals += Totals(failed=1)

    def _show(self, phase: str) -> None:
        self._progress.phase = phase
        self._on_progress(self._progress)


def _split(task: DecodeTask) -> list[DecodeTask]:
    return [replace(task, images=half) for half in halves(task.images)]


def _start_pool(
    archive: Storage, destination: Storage, fmt: Format | None, config: CompressConfig
) -> Pool[DecodeTask, DecodeResult]:
    spec = DecoderSpec(archive_url=archive.url, destination_url=destination.url, fmt=fmt, config=config)
    return start_pool(spec, config.workers)
