"""Whether an archive is what its catalogue says: looked at from outside, read, or decoded.

    structure   catalogue -> its files, the shards: all there, whole in length, every key once
    checksum    ... and every byte of shards, weights and catalogue is the one written, and the catalogue says of
                every image what its shard says (the default)
    decode      ... and every image decodes to the symbols that were encoded, at the PSNR that was measured

A sample looks into some of the shards (checksum) or images (decode); the structure is always seen whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import CATALOGUE_FOLDER, SHARDS_FOLDER, shard_of_companion
from pipeline.archive.prune_marks import PruneMarkReader
from pipeline.archive.rows_by_shard import ShardContent
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
from pipeline.verify.tasks import Thoroughness, VerifyResult, VerifySpec, VerifyTask
from pipeline.verify.weights import damaged_learning, weights_seen
from pipeline.workers.pool import Died
from pipeline.workers.retry import halves, work_through
from pipeline.workers.start import working_pool
from pipeline.workers.workload import Workload

_MANY_IMAGES: Final = 10_000
"""Of more, nobody adds up the pixels to see whether they are few."""
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
        self._sample = sample
        self._chance = np.random.default_rng(seed)
        self._catalogue = Catalogue(archive)
        self._follower = Follower()
        self._listen: Listener = self._follower
        self._problems: dict[Problem, None] = {}  # a half of what killed a worker may see one again
        self._read_bytes = self._decoded = self._compared = 0
        self._sealed_version: int | None = None
        self._referenced: set[str] = set()
        self._inspected: set[str] = set()

    def run(self, listen: Listener = ignore) -> VerifySummary:
        """Do it.

        Raises:
            NoArchiveError: there is nothing to look at.
            StorageError: the store does not answer.
        """
        self._listen = together(self._follower, listen)
        self._listen(RunBegan(verb="verify", archive=self._archive.url, done="checked", counts="problems"))
        if self._level != "structure":
            self._see_seals()  # first: they tell what is wrong with a catalogue that cannot be opened
            self._see_weights()
        held = {info.path: info.size for info in self._archive.list(SHARDS_FOLDER)}
        version = self._open()
        if version is not None:
            try:
                self._problems |= dict.fromkeys(damaged_catalogue(self._archive, self._catalogue))
                self._see_shards(held)
                self._see_companions()
            except (ArchiveError, StorageError) as error:
                if not self._problems and not isinstance(error, DamagedError):
                    raise
                self._note(CATALOGUE_FOLDER, None, f"Its rows cannot be read to the end: {error}")
        self._listen(RunEnded())
        progress = self._follower.progress
        orphans = held.keys() - self._referenced if version is not None else ()
        return VerifySummary(
            sound=not self._problems,
            level=self._level,
            version=version,
            images=progress.listed,
            shards=len(self._referenced),
            inspected_shards=len(self._inspected),
            read_bytes=self._read_bytes,
            decoded=self._decoded,
            compared=self._compared,
            unsealed_versions=self._unsealed(version),
            unreferenced_shards=len(orphans),
            unreferenced_bytes=sum(held[path] for path in orphans),
            problems=list(self._problems),
            seconds=round(progress.seconds(), 3),
        )

    def _open(self) -> int | None:
        """The version to look at, whatever is committed meanwhile; None when the catalogue cannot be read."""
        try:
            version = self._catalogue.version()
            self._catalogue = Catalogue(self._archive, as_of=version)
            self._listen(ImagesListed(images=self._catalogue.count()))
        except (ArchiveError, StorageError) as error:
            is_lost = isinstance(error, NoArchiveError) and was_archive(self._archive)
            if not (self._problems or is_lost or isinstance(error, DamagedError)):
                raise
            self._note(CATALOGUE_FOLDER, None, str(error))
            return None
        finally:
            self._listen(ListingEnded())
        return version

    def _see_shards(self, held: dict[str, int]) -> None:
        spec = VerifySpec(archive_url=self._archive.url, config=self._config)
        workload = self._workload(held)
        contents = self._catalogue.shard_contents()
        self._referenced = {content.shard for content in contents}
        self._see_missing([content for content in contents if content.shard not in held])
        tasks = self._tasks([content for content in contents if content.shard in held])
        with working_pool(spec, self._config.workers, self._listen, workload=workload) as pool:
            for outcome in work_through(pool, tasks, _split, listen=self._listen):
                if isinstance(outcome, Died):
                    self._give_up(outcome)
                elif outcome is not None:
                    self._take(outcome.task, outcome.result)

    def _see_companions(self) -> None:
        """Of the shards that were looked into."""
        if self._level != "structure":
            paths = [
                path for path in companions(self._archive) if shard_of_companion(path) in self._inspected
            ]
            self._problems |= dict.fromkeys(damaged_companions(self._archive, paths))

    def _see_seals(self) -> None:
        sealed = read_seals(self._archive)
        for path, problem in damaged(self._archive, sealed):
            self._note(path, None, problem)
        for path in PruneMarkReader(self._archive).read().broken:
            self._note(path, None, _BROKEN_MARK)
        self._read_bytes += sum(size for _, size in sealed.files.values())
        self._sealed_version = sealed.version

    def _unsealed(self, version: int | None) -> int:
        return (
            0 if version is None or self._sealed_version is None else max(0, version - self._sealed_version)
        )

    def _see_weights(self) -> None:
        for weights in weights_seen(self._archive):
            self._read_bytes += weights.num_bytes
            if weights.problem is not None:
                self._problems[weights.problem] = None
        self._problems |= dict.fromkeys(damaged_learning(self._archive))

    def _workload(self, held: dict[str, int]) -> Workload | None:
        if self._level != "decode":
            return Workload.of_shards(sum(held.values()))
        if self._catalogue.count() > _MANY_IMAGES:
            return None
        rows = self._catalogue.table(("width", "height"))
        pixels = pc.sum(pc.multiply(rows["width"], rows["height"])).as_py() or 0
        images = math.ceil(self._sample * rows.num_rows)
        return Workload(images=images, megapixels=self._sample * pixels / 1e6)

    def _see_missing(self, missing: Sequence[ShardContent]) -> None:
        for shard, rows in self._catalogue.by_shard([content.shard for content in missing]):
            self._listen(ImagesFinished(images=rows.num_rows))
            missed = rows_of(rows, CatalogueRow)
            self._problems |= dict.fromkeys(missing_shard(missed).problems(shard, missed))

    def _tasks(self, contents: Sequence[ShardContent]) -> Iterator[VerifyTask]:
        """One for every shard that is to be looked into."""
        if self._level == "structure":
            yield from (VerifyTask(content=content, level=self._level) for content in contents)
            return
        drawn = self._drawn(contents)
        left_out = sum(content.images for content in contents if content.shard not in drawn)
        self._listen(ImagesFinished(images=left_out))
        content_of = {content.shard: content for content in contents}
        for shard, rows in self._catalogue.by_shard(None if len(drawn) == len(self._referenced) else drawn):
            decode: tuple[int, ...] = ()
            if self._level == "decode":
                stored = rows.filter(pc.not_equal(rows["status"], "failed"))["row"]
                decode = tuple(stored.filter(pa.array(drawn[shard])).to_pylist())
            yield VerifyTask(content=content_of[shard], level=self._level, rows=rows, decode=decode)

    def _drawn(self, contents: Sequence[ShardContent]) -> dict[str, npt.NDArray[np.bool_]]:
        """The shards of the sample; with level decode, which of the stored images of each are in it."""
        if self._level == "decode":
            ends = np.cumsum([content.stored for content in contents], dtype=np.int64)
            taken = np.split(self._taken(int(ends[-1]) if len(ends) else 0), ends)
        else:
            taken = list(self._taken(len(contents)).reshape(-1, 1))
        return {
            content.shard: mask
            for content, mask in zip(contents, taken, strict=False)
            if mask.any() or self._sample >= 1.0
        }

    def _taken(self, count: int) -> npt.NDArray[np.bool_]:
        """For each of so many whether it is in the sample."""
        if self._sample >= 1.0:
            return np.ones(count, bool)
        taken = np.zeros(count, bool)
        taken[self._chance.permutation(count)[: math.ceil(self._sample * count)]] = True
        return taken

    def _take(self, task: VerifyTask, result: VerifyResult) -> None:
        self._problems |= dict.fromkeys(result.problems)
        self._read_bytes += result.read_bytes
        self._decoded += result.decoded
        self._compared += result.compared
        self._see(task.shard, result.images, problems=len(result.problems))

    def _give_up(self, death: Died[VerifyTask]) -> None:
        task, reason = death.task, f"Its worker died each time it was tried alone: {death.reason}"
        keys: list[str | None] = []
        if task.rows is not None:
            is_tried = pc.is_in(task.rows["row"], pa.array(task.decode, pa.int64()))
            keys += task.rows.filter(is_tried)["key"].to_pylist()
        for key in keys or [None]:
            self._note(task.shard, key, reason)
        self._see(task.shard, task.content.images)

    def _see(self, shard: str, images: int, *, problems: int = 0) -> None:
        """Count the images of a shard once, whatever the parts in which it was seen."""
        is_new = shard not in self._inspected
        self._inspected.add(shard)
        self._listen(ImagesFinished(images=images if is_new else 0, totals=Totals(failed=problems)))

    def _note(self, path: str, key: str | None, problem: str) -> None:
        self._problems[Problem(path=path, key=key, problem=problem)] = None


def _split(task: VerifyTask) -> list[VerifyTask]:
    return [
        replace(task, decode=tuple(task.decode[i] for i in half)) for half in halves(range(len(task.decode)))
    ]
