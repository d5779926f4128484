"""Small pictures for the images of an archive that have none: of older releases, and those that had no room for one.

A shard never changes, so its images' previews go into its album (pipeline/archive/albums.py), shard by shard. Killed
anywhere, the same command goes on with the shards that have no album yet; done again, it makes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pipeline.archive.catalogue import Catalogue
from pipeline.config import CompressConfig
from pipeline.events import (
    ImagesFinished,
    ImagesListed,
    Listener,
    ListingEnded,
    RunBegan,
    RunEnded,
    ignore,
    together,
)
from pipeline.image.read import ReadLimits
from pipeline.preview.tasks import PreviewResult, PreviewSpec, PreviewTask
from pipeline.preview.wanting import COUNTED, Counts, is_wanting
from pipeline.progress import Follower
from pipeline.store.storage import Storage
from pipeline.totals import Totals
from pipeline.workers.pool import Died
from pipeline.workers.retry import work_through
from pipeline.workers.start import working_pool
from pipeline.workers.workload import Workload

_SHARE_OF_ENCODING: Final = 0.1
"""Of what it takes to encode an image, that its small picture takes: a walk through the first of its bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardProblem:
    """A shard that gives no images."""

    shard: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewSummary:
    """What `tenfold preview --json` prints."""

    version: int
    """Of the catalogue: images that came later have not been looked at."""
    images: int
    """In the archive, the failed ones included."""
    stored: int
    """Images whose preview lies in their shard."""
    small: int
    """Images so small that they need none: they are decoded at once."""
    made: int
    unseen: int
    """Images in which there is nothing to see: damaged files, kinds that nothing here opens."""
    mended: int
    """Albums that were damaged, and were made again."""
    num_bytes: int
    """Of the albums that were written."""
    seconds: float
    problems: list[ShardProblem] = field(default_factory=list)


class PreviewRun:
    """One making of previews. Use once."""

    def __init__(self, archive: Storage, config: CompressConfig) -> None:
        """Contact nothing yet; `config` says where and with which workers, and what may be decoded."""
        self._archive = archive
        self._config = config
        self._catalogue = Catalogue(archive)
        self._follower = Follower()
        self._listen: Listener = self._follower
        self._results: list[PreviewResult] = []
        self._problems: list[ShardProblem] = []

    def run(self, listen: Listener = ignore) -> PreviewSummary:
        """Do it.

        Raises:
            NoArchiveError, ArchiveError: there is no archive, or its catalogue cannot be read.
            NewerFormatError: a newer release wrote it.
            StorageError: the store does not answer; what was made stays.
        """
        self._listen = together(self._follower, listen)
        self._listen(RunBegan(verb="preview", archive=self._archive.url, done="looked at", counts="problems"))
        version = self._catalogue.version()
        self._catalogue = Catalogue(self._archive, as_of=version)
        self._archive.check_writable()
        counts = self._counted()
        self._listen(ImagesListed(images=counts.wanting))
        self._listen(ListingEnded())
        if counts.wanting:
            self._make(counts)
        self._listen(RunEnded())
        return PreviewSummary(
            version=version,
            images=counts.images,
            stored=counts.stored,
            small=counts.small,
            made=sum(result.made for result in self._results),
            unseen=sum(result.unseen for result in self._results),
            mended=sum(result.mended for result in self._results),
            num_bytes=sum(result.num_bytes for result in self._results),
            seconds=round(self._follower.progress.seconds(), 3),
            problems=self._problems,
        )

    def _counted(self) -> Counts:
        counts = Counts()
        for batch in self._catalogue.scan(COUNTED):
            counts += Counts.of(batch)
        return counts

    def _make(self, counts: Counts) -> None:
        spec = PreviewSpec(
            archive_url=self._archive.url,
            storage=self._config.storage,
            limits=ReadLimits(max_pixels=self._config.limits.max_pixels),
        )
        workload = Workload(images=counts.wanting, megapixels=counts.megapixels * _SHARE_OF_ENCODING)
        with working_pool(spec, self._config.workers, self._listen, workload=workload) as pool:
            for outcome in work_through(pool, self._tasks(), lambda _: (), listen=self._listen):
                if isinstance(outcome, Died):
                    self._take(
                        outcome.task, PreviewResult(problem=f"Its worker died each time: {outcome.reason}")
                    )
                elif outcome is not None:
                    self._take(outcome.task, outcome.result)

    def _tasks(self) -> Iterator[PreviewTask]:
        """One for every shard with images that have no preview in it."""
        for shard, rows in self._catalogue.by_shard():
            wanting = rows.filter(is_wanting(rows))
            if wanting.num_rows:
                yield PreviewTask(shard=shard, rows=wanting)

    def _take(self, task: PreviewTask, result: PreviewResult) -> None:
        self._results.append(result)
        if result.problem is not None:
            self._problems.append(ShardProblem(shard=task.shard, problem=result.problem))
        problems = 0 if result.problem is None else task.rows.num_rows
        self._listen(ImagesFinished(images=task.rows.num_rows, totals=Totals(failed=problems)))
