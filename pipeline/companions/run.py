"""A run that makes the companions of an archive's shards: images are counted, then workers take shard by shard.

When it was killed anywhere, the same command goes on with the shards that have no companion yet. When it had finished,
the same command looks only at images that are new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.companions.tasks import CompanionResult, CompanionTask
from pipeline.config import WorkersConfig
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
from pipeline.progress import Follower
from pipeline.store.storage import Storage
from pipeline.totals import Totals
from pipeline.workers.pool import Died, Done, WorkerSpec
from pipeline.workers.retry import work_through
from pipeline.workers.start import working_pool
from pipeline.workers.workload import Workload

Rows: TypeAlias = pa.Table | pa.RecordBatch
Which: TypeAlias = Callable[[Rows], Any]
"""Says of each of some rows of the catalogue whether it is meant: a column of booleans."""

_SHARE_OF_ENCODING: Final = 0.1
"""Looking at an image takes this share of the time to encode it: it reads the first of its bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which images of an archive should be in the companions of their shards."""

    columns: tuple[str, ...]
    """Columns of the catalogue that `is_wanted` and `others` read."""
    is_wanted: Which
    others: Mapping[str, Which]
    """Images that need not be in one, by a word for why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardProblem:
    """A shard that gives no images."""

    shard: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionSummary:
    """What came of a run."""

    version: int
    """Of the catalogue: images that came later have not been looked at."""
    images: int
    """In the archive, the failed ones included."""
    others: Mapping[str, int]
    """Images that need not be in a companion, by a word for why."""
    made: int
    there: int
    """Images whose companion had it already."""
    unseen: int
    """Images in which there is nothing to see."""
    mended: int
    """Companions that were damaged, and were made again."""
    num_bytes: int
    """Of the files that were written."""
    seconds: float
    problems: tuple[ShardProblem, ...]

    def as_json(self) -> dict[str, Any]:
        """What the verb prints with `--json`: a key for every word of `others`."""
        counts = asdict(self)
        others: dict[str, int] = counts.pop("others")
        return counts | others


class CompanionRun:
    """Makes companions. Use once."""

    def __init__(
        self, archive: Storage, wanted: Wanted, spec: WorkerSpec[Any], workers: WorkersConfig
    ) -> None:
        """Contact nothing yet. `spec` builds the workers; its `does` is the name of the verb."""
        self._archive, self._wanted, self._spec, self._workers = archive, wanted, spec, workers
        self._follower = Follower()
        self._listen: Listener = self._follower

    def run(self, listen: Listener = ignore) -> CompanionSummary:
        """Do it.

        Raises:
            NoArchiveError, ArchiveError: there is no archive, or its catalogue cannot be read.
            NewerFormatError: a newer release wrote it.
            StorageError: the store does not answer; what was made stays.
        """
        self._listen = together(self._follower, listen)
        self._listen(
            RunBegan(verb=self._spec.does, archive=self._archive.url, done="looked at", counts="problems")
        )
        catalogue = Catalogue(self._archive, as_of=Catalogue(self._archive).version())
        self._archive.check_writable()
        images, workload, others = self._counted(catalogue)
        self._listen(ImagesListed(images=workload.images))
        self._listen(ListingEnded())
        made, problems = self._made(catalogue, workload) if workload.images else (CompanionResult(), ())
        self._listen(RunEnded())
        return CompanionSummary(
            version=catalogue.version(),
            images=images,
            others=others,
            made=made.made,
            there=made.there,
            unseen=made.unseen,
            mended=made.mended,
            num_bytes=made.num_bytes,
            seconds=round(self._follower.progress.seconds(), 3),
            problems=problems,
        )

    def _counted(self, catalogue: Catalogue) -> tuple[int, Workload, dict[str, int]]:
        """How many images there are, the wanted ones as work, and the others."""
        images, wanted, pixels = 0, 0, 0
        others = dict.fromkeys(self._wanted.others, 0)
        for batch in catalogue.scan((*self._wanted.columns, "width", "height")):
            is_wanted = self._wanted.is_wanted(batch)
            images, wanted = images + len(batch), wanted + _count(is_wanted)
            pixels += pc.sum(pc.multiply(batch["width"], batch["height"]).filter(is_wanted)).as_py() or 0
            for word, which in self._wanted.others.items():
                others[word] += _count(which(batch))
        return images, Workload(images=wanted, megapixels=pixels / 1e6 * _SHARE_OF_ENCODING), others

    def _made(
        self, catalogue: Catalogue, workload: Workload
    ) -> tuple[CompanionResult, tuple[ShardProblem, ...]]:
        made, problems = CompanionResult(), []
        with working_pool(self._spec, self._workers, self._listen, workload=workload) as pool:
            for outcome in work_through(pool, self._tasks(catalogue), lambda _: (), listen=self._listen):
                if outcome is None:
                    continue
                task, result = outcome.task, _result_of(outcome)
                made += result
                if result.problem is not None:
                    problems.append(ShardProblem(shard=task.shard, problem=result.problem))
                failed = 0 if result.problem is None else task.rows.num_rows
                self._listen(ImagesFinished(images=task.rows.num_rows, totals=Totals(failed=failed)))
        return made, tuple(problems)

    def _tasks(self, catalogue: Catalogue) -> Iterator[CompanionTask]:
        """One for every shard with wanted images."""
        for shard, rows in catalogue.by_shard():
            wanted = rows.filter(self._wanted.is_wanted(rows))
            if wanted.num_rows:
                yield CompanionTask(shard=shard, rows=wanted)


def _result_of(outcome: Done[CompanionTask, CompanionResult] | Died[CompanionTask]) -> CompanionResult:
    if isinstance(outcome, Died):
        return CompanionResult(problem=f"Its worker died each time: {outcome.reason}")
    return outcome.result


def _count(which: Any) -> int:
    return pc.sum(which).as_py() or 0
