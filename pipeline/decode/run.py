"""The decode run: archive in, image files out, on the same pool of workers as encoding."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.schema import rows_of
from pipeline.archive.versions import AsOf
from pipeline.config import CompressConfig
from pipeline.decode.file_form import FileForm
from pipeline.decode.naming import FileNames, rivals_of
from pipeline.decode.originals import Originals
from pipeline.decode.plan import Existing, PlannedImage, plan_images, settle_existing
from pipeline.decode.selection import Selection, select_images
from pipeline.decode.tasks import DecodeResult, DecoderSpec, DecodeTask, WantedImage
from pipeline.errors import StorageError
from pipeline.events import (
    Failure,
    ImagesFinished,
    ImagesListed,
    Listener,
    ListingEnded,
    RunBegan,
    RunEnded,
    ignore,
    together,
)
from pipeline.progress import Follower
from pipeline.store.name_limits import limits_of
from pipeline.store.storage import Storage
from pipeline.totals import Totals
from pipeline.types import CatalogueRow
from pipeline.workers.pool import Died
from pipeline.workers.retry import halves, work_through
from pipeline.workers.start import working_pool
from pipeline.workers.workload import Workload

_ROWS_PER_TASK = 512
GOES_ON: Final = "Files that are there are whole: the same command with --skip-existing goes on."
"""What to do after a decode that was stopped."""


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
    renamed: list[dict[str, str]]
    """`key`, and the `name` of its file below the destination, where that is not what the key asks for, or stands for a
    name whose bytes are no text."""
    in_other_format: list[dict[str, str]]
    """`key`, and the `reason` why its file is in another format than was asked for."""


class DecodeRun:
    """One decode of (some of) an archive into a folder or bucket. Use once."""

    def __init__(
        self,
        archive: Storage,
        destination: Storage,
        config: CompressConfig,
        *,
        form: FileForm = FileForm(),  # noqa: B008 frozen
        keys: Collection[str] | None = None,
        glob: str | None = None,
        as_of: AsOf | None = None,
        existing: Existing = "refuse",
    ) -> None:
        """Contact nothing yet.

        Args:
            form: how the files are to come.
            keys: only these; every one must be in the archive.
            glob: only keys that match (pipeline/globs.py).
            as_of: the archive as it was then.
            existing: what becomes of files that are there. Files appear whole, so a killed run goes on with "keep".
        """
        self._archive = archive
        self._existing: Existing = existing
        self._destination = destination
        self._config = config
        self._form = form
        self._keys = keys
        self._glob = glob
        self._as_of = as_of
        self._follower = Follower()
        self._listen: Listener = self._follower
        self._failures: list[dict[str, str]] = []
        self._renamed: list[dict[str, str]] = []
        self._otherwise: list[dict[str, str]] = []
        self._written = self._written_bytes = 0

    def run(self, listen: Listener = ignore) -> DecodeSummary:
        """Do it.

        Raises:
            NoArchiveError, UnknownKeyError, ConfigError, StorageError, RestoreError: before any work where it can be
                known then.
        """
        self._listen = together(self._follower, listen)
        self._listen(RunBegan(verb="decode", archive=self._archive.url, done="decoded"))
        catalogue = Catalogue(self._archive, as_of=self._as_of)
        selected = select_images(catalogue, keys=self._keys, glob=self._glob)
        stored = selected.stored()
        planned = self._planned(stored, catalogue)
        self._destination.check_writable()
        self._listen(ImagesListed(images=len(planned)))
        self._listen(ListingEnded())
        if planned:
            self._work(_tasks(planned, stored.rows), stored.workload())
        self._listen(RunEnded())
        progress = self._follower.progress
        return DecodeSummary(
            images=selected.rows.num_rows,
            written=self._written,
            failed=len(self._failures),
            existing=stored.rows.num_rows - len(planned),
            without_payload=selected.rows.num_rows - stored.rows.num_rows,
            written_bytes=self._written_bytes,
            seconds=round(progress.seconds(), 3),
            megapixels_per_second=round(progress.megapixels_per_second(), 3),
            failures=self._failures,
            renamed=self._renamed,
            in_other_format=self._otherwise,
        )

    def _planned(self, stored: Selection, catalogue: Catalogue) -> list[PlannedImage]:
        limits = limits_of(self._destination.url)
        keys = stored.rows["key"].to_pylist()
        others = catalogue.scan(["key"]) if stored.is_whole else catalogue.of_keys(rivals_of(keys), ["key"])
        rivals = (key for batch in others for key in batch["key"].to_pylist())
        names = FileNames(rivals, limits, self._form.names)
        planned = plan_images(stored, names, self._form)
        versions = [catalogue] if self._as_of is None else [catalogue, Catalogue(self._archive)]
        return settle_existing(
            planned,
            self._archive,
            self._destination,
            limits,
            existing=self._existing,
            originals=lambda: Originals(versions),
        )

    def _work(self, tasks: Iterator[DecodeTask], workload: Workload) -> None:
        spec = DecoderSpec(
            archive_url=self._archive.url,
            destination_url=self._destination.url,
            form=self._form,
            config=self._config,
        )
        try:
            with working_pool(spec, self._config.workers, self._listen, workload=workload) as pool:
                for outcome in work_through(pool, tasks, _split, listen=self._listen):
                    if isinstance(outcome, Died):
                        reason = f"its worker died each time it was tried alone: {outcome.reason}"
                        self._fail(outcome.task.images[0].key, reason)
                    elif outcome is not None:
                        self._take(outcome.result)
        except StorageError as error:
            raise type(error)(f"{error} {GOES_ON}") from error

    def _take(self, result: DecodeResult) -> None:
        self._written += result.written
        self._written_bytes += result.written_bytes
        self._renamed += [{"key": key, "name": path} for key, path in result.renamed]
        self._otherwise += [{"key": key, "reason": reason} for key, reason in result.otherwise]
        for key, reason in result.failed:
            self._fail(key, reason)
        self._listen(ImagesFinished(images=result.written, totals=Totals(pixels=result.pixels)))

    def _fail(self, key: str, reason: str) -> None:
        self._failures.append({"key": key, "reason": reason})
        self._listen(
            ImagesFinished(images=1, totals=Totals(failed=1), failures=(Failure(key=key, reason=reason),))
        )


def _tasks(planned: Sequence[PlannedImage], rows: pa.Table) -> Iterator[DecodeTask]:
    for shard, group in itertools.groupby(planned, key=lambda one: one.shard):
        of_shard = list(group)
        for start in range(0, len(of_shard), _ROWS_PER_TASK):
            part = of_shard[start : start + _ROWS_PER_TASK]
            found = rows_of(rows.take([one.number for one in part]), CatalogueRow)
            images = (WantedImage(row=row, places=one.places) for one, row in zip(part, found, strict=True))
            yield DecodeTask(shard=shard, images=tuple(images))


def _split(task: DecodeTask) -> list[DecodeTask]:
    return [replace(task, images=half) for half in halves(task.images)]
