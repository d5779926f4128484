"""Whether an archive is what its catalogue says: looked at from outside, read, or decoded.

    structure   catalogue -> its files, the shards: all there, whole in length, every key once
    checksum    ... and every byte of shards, weights and catalogue is the one written, and the catalogue says of
                every image what its shard says (the default)
    decode      ... and every image decodes to the symbols that were encoded, at the PSNR that was measured

A sample looks into some of the shards (checksum) or images (decode); the structure is always seen whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import CATALOGUE_FOLDER, SHARDS_FOLDER, shard_of_companion
from pipeline.archive.prune_marks import PruneMarkReader
from pipeline.archive.schema import rows_of
from pipeline.archive.seals import damaged, read_seals
from pipeline.archive.traces import was_archive
from pipeline.config import CompressConfig
from pipeline.errors import ArchiveError, DamagedError, NoArchiveError, StorageError
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
from pipeline.types import CatalogueRow
from pipeline.verify.companions import companions, damaged_companions
from pipeline.verify.damage import Problem, damaged_catalogue, missing_shard
from pipeline.verify.findings import Findings
from pipeline.verify.sample import VerifySample
from pipeline.verify.tasks import Thoroughness, VerifySpec, VerifyTask
from pipeline.verify.weights import damaged_learning, weights_seen
from pipeline.workers.pool import Died
from pipeline.workers.retry import halves, work_through
from pipeline.workers.start import working_pool

_BROKEN_MARK: Final = (
    "Expected the checksum that its name promises, got another: what it marked for removal stays. The next `tenfold "
    "prune --apply` mends it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySummary:
    """What `tenfold verify --json` prints."""

    sound: bool
    level: Thoroughness
    version: int | None
    """Of the catalogue; None when it cannot be read."""
    images: int
    """In the catalogue, the failed ones included."""
    shards: int
    inspected_shards: int
    """Read whole; with level structure, their ends."""
    read_bytes: int
    decoded: int
    compared: int
    """Of the decoded: also held against their source files, which were still the same."""
    unsealed_versions: int
    """Versions of the catalogue whose files have no checksums yet, because their run is under way or was killed: their
    rows were only held against the shards. The end of the next run mends it."""
    unreferenced_shards: int
    """No problem: what killed runs and old versions left. `tenfold prune` removes what no version needs."""
    unreferenced_bytes: int
    problems: list[Problem]
    seconds: float


class VerifyRun:
    """One look at an archive. Use once; nothing is changed."""

    def __init__(
        self,
        archive: Storage,
        config: CompressConfig,
        *,
        level: Thoroughness = "checksum",
        sample: float = 1.0,
        seed: int = 0,
    ) -> None:
        """Contact nothing yet.

        Args:
            sample: share of the shards (checksum) or images (decode) to look into, in (0, 1].
            seed: of the sample.
        """
        self._archive = archive
        self._config = config
        self._level: Thoroughness = level
        self._sample = VerifySample(level, share=sample, seed=seed)
        self._follower = Follower()
        self._listen: Listener = self._follower
        self._findings = Findings()

    def run(self, listen: Listener = ignore) -> VerifySummary:
        """Do it.

        Raises:
            NoArchiveError: there is nothing to look at.
            StorageError: the store does not answer.
        """
        self._listen = together(self._follower, listen)
        self._listen(RunBegan(verb="verify", archive=self._archive.url, done="checked", counts="problems"))
        sealed = None
        if self._level != "structure":
            # first: seals tell what is wrong with a catalogue that cannot be opened
            sealed = self._see_seals()
            self._see_weights()
        version = None
        held: dict[str, int] = {}
        if (catalogue := self._opened()) is not None:
            version = catalogue.version()
            # not before: a run may be under way, and publishes shards before it commits their rows
            held = {info.path: info.size for info in self._archive.list(SHARDS_FOLDER)}
            try:
                self._findings.add(damaged_catalogue(self._archive, catalogue))
                self._see_shards(catalogue, held)
                self._see_companions()
            except (ArchiveError, StorageError) as error:
                if not self._findings.problems and not isinstance(error, DamagedError):
                    raise
                self._findings.note(CATALOGUE_FOLDER, None, f"Its rows cannot be read to the end: {error}")
        self._listen(RunEnded())
        return self._summary(version, sealed, held)

    def _summary(self, version: int | None, sealed: int | None, held: Mapping[str, int]) -> VerifySummary:
        progress, found = self._follower.progress, self._findings
        orphans = held.keys() - found.referenced
        return VerifySummary(
            sound=not found.problems,
            level=self._level,
            version=version,
            images=progress.listed,
            shards=len(found.referenced),
            inspected_shards=len(found.inspected),
            read_bytes=found.read_bytes,
            decoded=found.decoded,
            compared=found.compared,
            unsealed_versions=0 if version is None or sealed is None else max(0, version - sealed),
            unreferenced_shards=len(orphans),
            unreferenced_bytes=sum(held[path] for path in orphans),
            problems=found.problems,
            seconds=round(progress.seconds(), 3),
        )

    def _opened(self) -> Catalogue | None:
        """At one version, whatever is committed meanwhile; None when it cannot be read."""
        try:
            catalogue = Catalogue(self._archive, as_of=Catalogue(self._archive).version())
            self._listen(ImagesListed(images=catalogue.count()))
        except (ArchiveError, StorageError) as error:
            is_lost = isinstance(error, NoArchiveError) and was_archive(self._archive)
            if not (self._findings.problems or is_lost or isinstance(error, DamagedError)):
                raise
            self._findings.note(CATALOGUE_FOLDER, None, str(error))
            return None
        finally:
            self._listen(ListingEnded())
        return catalogue

    def _see_shards(self, catalogue: Catalogue, held: Mapping[str, int]) -> None:
        """Look into the sample of those that are there."""
        spec = VerifySpec(archive_url=self._archive.url, config=self._config)
        workload = self._sample.workload(catalogue, sum(held.values()))
        contents = catalogue.shard_contents()
        self._findings.referenced = {content.shard for content in contents}
        there = [content for content in contents if content.shard in held]
        self._see_missing(catalogue, [content.shard for content in contents if content.shard not in held])
        tasks = self._sample.tasks(catalogue, there, are_all=len(there) == len(contents), listen=self._listen)
        with working_pool(spec, self._config.workers, self._listen, workload=workload) as pool:
            for outcome in work_through(pool, tasks, _split, listen=self._listen):
                if isinstance(outcome, Died):
                    self._give_up(outcome)
                elif outcome is not None:
                    self._findings.take(outcome.result)
                    task, result = outcome.task, outcome.result
                    self._see(task.shard, result.images, problems=len(result.problems))

    def _see_missing(self, catalogue: Catalogue, missing: Sequence[str]) -> None:
        for shard, rows in catalogue.by_shard(missing):
            self._listen(ImagesFinished(images=rows.num_rows))
            missed = rows_of(rows, CatalogueRow)
            self._findings.add(missing_shard(missed).problems(shard, missed))

    def _see_companions(self) -> None:
        """Of the shards that were looked into."""
        if self._level != "structure":
            paths = [
                path
                for path in companions(self._archive)
                if shard_of_companion(path) in self._findings.inspected
            ]
            self._findings.add(damaged_companions(self._archive, paths))

    def _see_seals(self) -> int | None:
        """The version of the catalogue up to which there are any."""
        sealed = read_seals(self._archive)
        for path, problem in damaged(self._archive, sealed):
            self._findings.note(path, None, problem)
        for path in PruneMarkReader(self._archive).read().broken:
            self._findings.note(path, None, _BROKEN_MARK)
        self._findings.read_bytes += sum(size for _, size in sealed.files.values())
        return sealed.version

    def _see_weights(self) -> None:
        for weights in weights_seen(self._archive):
            self._findings.read_bytes += weights.num_bytes
            if weights.problem is not None:
                self._findings.add([weights.problem])
        self._findings.add(damaged_learning(self._archive))

    def _give_up(self, death: Died[VerifyTask]) -> None:
        task, reason = death.task, f"Its worker died each time it was tried alone: {death.reason}"
        keys: list[str | None] = []
        if task.rows is not None:
            is_tried = pc.is_in(task.rows["row"], pa.array(task.decode, pa.int64()))
            keys += task.rows.filter(is_tried)["key"].to_pylist()
        for key in keys or [None]:
            self._findings.note(task.shard, key, reason)
        self._see(task.shard, task.content.images)

    def _see(self, shard: str, images: int, *, problems: int = 0) -> None:
        """Count the images of a shard once, whatever the parts in which it was seen."""
        is_new = shard not in self._findings.inspected
        self._findings.inspected.add(shard)
        self._listen(ImagesFinished(images=images if is_new else 0, totals=Totals(failed=problems)))


def _split(task: VerifyTask) -> list[VerifyTask]:
    return [
        replace(task, decode=tuple(task.decode[i] for i in half)) for half in halves(range(len(task.decode)))
    ]
