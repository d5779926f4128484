"""Labels and embeddings for the images of an archive: what a head sees in their payloads, without decoding a picture.

Shards never change, so what is seen lies beside them (pipeline/archive/labels.py), shard by shard. Killed anywhere, the
same command goes on with the shards that have no labels yet; done again, it looks at what is new alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pyarrow.compute as pc

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
from pipeline.label.tasks import LabelResult, LabelSpec, LabelTask
from pipeline.progress import Follower
from pipeline.store.storage import Storage
from pipeline.totals import Totals
from pipeline.workers.pool import Died
from pipeline.workers.retry import work_through
from pipeline.workers.start import working_pool
from pipeline.workers.workload import Workload

_SHARE_OF_ENCODING: Final = 0.1
"""Of what it takes to encode an image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelProblem:
    """A shard that gives no images."""

    shard: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSummary:
    """What `tenfold label --json` prints."""

    version: int
    """Of the catalogue: images that came later have not been looked at."""
    images: int
    """In the archive."""
    without_latents: int
    """Images that are not coded, and so have none: kept, lossless, bounded or failed."""
    made: int
    there: int
    """Images that had labels of the same head."""
    unseen: int
    """Images that no head reads: of other codecs, of adapted weights, or damaged."""
    num_bytes: int
    """Of the files that were written."""
    seconds: float
    problems: list[LabelProblem] = field(default_factory=list)


class LabelRun:
    """One labelling. Use once."""

    def __init__(self, archive: Storage, config: CompressConfig) -> None:
        """Contact nothing yet; `config` says where and with which workers."""
        self._archive, self._config = archive, config
        self._catalogue = Catalogue(archive)
        self._follower = Follower()
        self._listen: Listener = self._follower
        self._results: list[LabelResult] = []
        self._problems: list[LabelProblem] = []

    def run(self, listen: Listener = ignore) -> LabelSummary:
        """Do it.

        Raises:
            NoArchiveError, ArchiveError: there is no archive, or its catalogue cannot be read.
            NewerFormatError: a newer release wrote it.
            StorageError: the store does not answer; what was made stays.
        """
        self._listen = together(self._follower, listen)
        self._listen(RunBegan(verb="label", archive=self._archive.url, done="looked at", counts="problems"))
        version = self._catalogue.version()
        self._catalogue = Catalogue(self._archive, as_of=version)
        self._archive.check_writable()
        images, coded, megapixels = self._counted()
        self._listen(ImagesListed(images=coded))
        self._listen(ListingEnded())
        if coded:
            self._make(Workload(images=coded, megapixels=megapixels * _SHARE_OF_ENCODING))
        self._listen(RunEnded())
        return LabelSummary(
            version=version,
            images=images,
            without_latents=images - coded,
            made=sum(result.made for result in self._results),
            there=sum(result.there for result in self._results),
            unseen=sum(result.unseen for result in self._results),
            num_bytes=sum(result.num_bytes for result in self._results),
            seconds=round(self._follower.progress.seconds(), 3),
            problems=self._problems,
        )

    def _counted(self) -> tuple[int, int, float]:
        """Images, coded ones among them, and the megapixels of those."""
        images, coded, pixels = 0, 0, 0
        for batch in self._catalogue.scan(("status", "width", "height")):
            is_coded = pc.equal(batch["status"], "coded")
            images, coded = images + len(batch), coded + (pc.sum(is_coded).as_py() or 0)
            pixels += pc.sum(pc.multiply(batch["width"], batch["height"]).filter(is_coded)).as_py() or 0
        return images, coded, pixels / 1e6

    def _make(self, workload: Workload) -> None:
        spec = LabelSpec(archive_url=self._archive.url, storage=self._config.storage)
        with working_pool(spec, self._config.workers, self._listen, workload=workload) as pool:
            for outcome in work_through(pool, self._tasks(), lambda _: (), listen=self._listen):
                if isinstance(outcome, Died):
                    self._take(
                        outcome.task, LabelResult(problem=f"Its worker died each time: {outcome.reason}")
                    )
                elif outcome is not None:
                    self._take(outcome.task, outcome.result)

    def _tasks(self) -> Iterator[LabelTask]:
        """One for every shard with coded images."""
        for shard, rows in self._catalogue.by_shard():
            coded = rows.filter(pc.equal(rows["status"], "coded"))
            if coded.num_rows:
                yield LabelTask(shard=shard, rows=coded)

    def _take(self, task: LabelTask, result: LabelResult) -> None:
        self._results.append(result)
        if result.problem is not None:
            self._problems.append(LabelProblem(shard=task.shard, problem=result.problem))
        problems = 0 if result.problem is None else task.rows.num_rows
        self._listen(ImagesFinished(images=task.rows.num_rows, totals=Totals(failed=problems)))
