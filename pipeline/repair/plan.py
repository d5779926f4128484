"""What a repair would do: looked at, and shown, before anything is changed.

Every shard is read for it. Whoever does the plan reads the damaged ones again, and no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from codec.weights_file import shipped, shipped_digests
from pipeline.archive.adaptations import AdaptationRecord, current_adaptations, damaged_adaptations
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import (
    LABELS_FOLDER,
    PREVIEWS_FOLDER,
    digest_in,
    digest_of_difference,
    weights_path,
)
from pipeline.archive.rows_by_shard import table_by_shard
from pipeline.compress.run_record import damaged_records
from pipeline.config import CompressConfig
from pipeline.events import ImagesFinished, ImagesListed, Listener, ListingEnded, PhaseBegan, StepAdvanced
from pipeline.repair.diagnosis import SealsSeen, diagnose
from pipeline.repair.rebuild_catalogue import ShardRows, rows_in_shards
from pipeline.repair.returned_shards import lost_in_catalogue, lost_in_rows, returned_rows
from pipeline.repair.salvage import SeenShard, look_into_shards
from pipeline.repair.salvage_worker import SalvageTask
from pipeline.repair.summary import LostImage, Rebuilt, RepairSummary
from pipeline.store.storage import Storage
from pipeline.totals import Totals
from pipeline.verify.companions import companions, damaged_companions
from pipeline.verify.damage import Problem
from pipeline.verify.weights import weights_seen


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RebuildPlan:
    """A lost catalogue, to be made anew."""

    why: str
    """It is lost."""
    found: ShardRows

    @property
    def facts(self) -> Rebuilt:
        """For the summary."""
        return Rebuilt(
            why=self.why,
            images=self.found.rows.num_rows,
            shards=self.found.shards,
            unreadable=self.found.unreadable,
            unknown=self.found.unknown,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsPlan:
    """What is wrong with the weights files."""

    damaged: tuple[str, ...]
    """Paths of damaged files that this release ships."""
    whole: frozenset[bytes]
    """Digests of the files that are whole, or will be."""
    problems: tuple[Problem, ...]
    """Damaged files that this release does not ship."""
    records: tuple[str, ...]
    """Paths of damaged records of adaptations: they are put aside."""
    bases: frozenset[bytes]
    """Digests of what differences are made of."""
    current: tuple[AdaptationRecord, ...]
    """The records that say which weights the archive encodes with."""

    def lost_learning(self) -> dict[AdaptationRecord, set[str]]:
        """Those that name weights which are neither whole nor shipped, and which ones: they do not count any more."""
        usable = {digest.hex() for digest in self.whole.union(shipped_digests())}
        missing = {record: set(record.weights) - usable for record in self.current}
        return {record: digests for record, digests in missing.items() if digests}

    def needed(self) -> frozenset[bytes]:
        """Digests of what weights of the archive are made of, and of what it encodes with."""
        return self.bases.union(*(record.encodes_with for record in self.current))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RepairPlan:
    """Everything that a repair found, and will do. Nothing is changed by it."""

    dispensable: tuple[str, ...]
    """Damaged files that the catalogue does without: they are put aside."""
    version: int | None
    """Of the catalogue; None when it is lost."""
    rebuild: RebuildPlan | None
    weights: WeightsPlan
    shards: tuple[SeenShard, ...]
    """The damaged ones, and those of which the catalogue says other than they do. What is whole in them moves into new
    ones; the rest is encoded again from its sources."""
    missing_weights: tuple[bytes, ...]
    """Digests of weights that payloads need, that are not there, and that this release ships."""
    returned: tuple[pa.Table, ...]
    """Rows of lost images whose shard is there again, CATALOGUE_SCHEMA."""
    given_up: tuple[LostImage, ...]
    """Images that an earlier repair gave up and that stay lost."""
    damaged_records: tuple[str, ...]
    companions: tuple[str, ...]
    """Paths of damaged albums and files of labels: they are removed, not put aside, since a copy would outlive the
    images that it is of."""
    problems: tuple[Problem, ...]
    """What cannot be mended."""

    def summary(
        self, shards: Sequence[SeenShard], *, problems: Sequence[Problem] = (), **facts: Any
    ) -> RepairSummary:
        """What this plan comes to.

        Args:
            shards: the damaged ones, as they were last seen.
            problems: that came with doing it.
            facts: the other fields of the summary.
        """
        return RepairSummary(
            rebuilt=None if self.rebuild is None else self.rebuild.facts,
            mended=[*self.dispensable, *self.weights.damaged, *self.weights.records],
            unlearned=sorted(set().union(*self.weights.lost_learning().values())),
            put_back=[weights_path(digest) for digest in self.missing_weights],
            damaged=[problem for shard in shards for problem in shard.seen.problems],
            salvaged=sum(shard.seen.salvaged for shard in shards),
            corrected=sum(
                shard.seen.corrected.num_rows for shard in shards if shard.seen.corrected is not None
            ),
            returned=sum(rows.num_rows for rows in self.returned),
            damaged_records=list(self.damaged_records),
            albums=[path for path in self.companions if path.startswith(f"{PREVIEWS_FOLDER}/")],
            labels=[path for path in self.companions if path.startswith(f"{LABELS_FOLDER}/")],
            problems=[*self.problems, *problems],
            **facts,
        )


def plan_repair(archive: Storage, config: CompressConfig, seals: SealsSeen, listen: Listener) -> RepairPlan:
    """Look at everything.

    Args:
        config: where and with which workers.
        seals: as they were seen just now.
    Raises:
        NewerFormatError: a newer release made it.
        ArchiveError: no shard is left to rebuild a lost catalogue from.
        StorageError: the store does not answer.
    """
    state = diagnose(archive, seals)
    rebuild = None if state.why_lost is None else _plan_rebuild(archive, config, state.why_lost, listen)
    rows = _Rows(catalogue=state.catalogue, rebuild=rebuild)
    listen(ImagesListed(images=rows.count()))
    listen(ListingEnded())
    weights = _plan_weights(archive)
    seen = _look_into_shards(archive, config, rows, weights, listen)
    lost_images = rows.lost_images()
    returned = tuple(returned_rows(archive, lost_images))
    back = {key for of_shard in returned for key in of_shard["key"].to_pylist()}
    return RepairPlan(
        dispensable=tuple(seals.dispensable),
        version=None if state.catalogue is None else state.catalogue.version(),
        rebuild=rebuild,
        weights=weights,
        shards=tuple(seen.shards),
        missing_weights=_missing_weights(weights.needed() | seen.needed_weights, weights),
        returned=returned,
        given_up=tuple(image for image in lost_images if image.key not in back),
        damaged_records=tuple(damaged_records(archive)),
        companions=tuple(problem.path for problem in damaged_companions(archive, companions(archive))),
        problems=(*state.past, *weights.problems, *seen.problems),
    )


def _plan_rebuild(archive: Storage, config: CompressConfig, why: str, listen: Listener) -> RebuildPlan:
    listen(PhaseBegan(phase="rebuilding"))
    found = 0

    def on_shard(rows: int) -> None:
        nonlocal found
        found += rows
        listen(StepAdvanced(words="rows found in shards", done=found))

    return RebuildPlan(why=why, found=rows_in_shards(archive, config, on_shard))


def _plan_weights(archive: Storage) -> WeightsPlan:
    damaged: list[str] = []
    problems: list[Problem] = []
    whole: set[bytes] = set()
    bases: set[bytes] = set()
    for weights in weights_seen(archive):
        if weights.problem is not None:
            if digest_in(weights.path) is None or shipped(weights.digest) is None:
                problems.append(weights.problem)
                continue
            damaged.append(weights.path)
        bases |= set() if weights.base is None else {weights.base}
        if digest := digest_in(weights.path) or digest_of_difference(weights.path):
            whole.add(digest)
    return WeightsPlan(
        damaged=tuple(damaged),
        whole=frozenset(whole),
        problems=tuple(problems),
        records=tuple(damaged_adaptations(archive)),
        bases=frozenset(bases),
        current=tuple(current_adaptations(archive).values()),
    )


def _missing_weights(needed: frozenset[bytes], weights: WeightsPlan) -> tuple[bytes, ...]:
    return tuple(sorted(needed.intersection(shipped_digests()) - weights.whole))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What the catalogue says, or will say when it is made anew."""

    catalogue: Catalogue | None
    rebuild: RebuildPlan | None

    def count(self) -> int:
        return self._rebuilt().num_rows if self.catalogue is None else self.catalogue.count()

    def lost_images(self) -> list[LostImage]:
        if self.catalogue is None:
            return lost_in_rows(self._rebuilt().to_batches())
        return lost_in_catalogue(self.catalogue)

    def by_shard(self) -> Iterator[tuple[str, pa.Table]]:
        if self.catalogue is None:
            return table_by_shard(self._rebuilt())
        return self.catalogue.by_shard()

    def _rebuilt(self) -> pa.Table:
        assert self.rebuild is not None, "a catalogue is there, or is made anew"
        return self.rebuild.found.rows


@dataclass(slots=True, kw_only=True)
class _ShardsSeen:
    shards: list[SeenShard] = field(default_factory=list)
    needed_weights: set[bytes] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


def _look_into_shards(
    archive: Storage, config: CompressConfig, rows: _Rows, weights: WeightsPlan, listen: Listener
) -> _ShardsSeen:
    usable = weights.whole.union(shipped_digests())
    tasks = (
        SalvageTask(shard=shard, rows=of_shard, run=None, number=number, weights=usable)
        for number, (shard, of_shard) in enumerate(rows.by_shard())
    )
    seen = _ShardsSeen()
    for outcome in look_into_shards(archive, config, tasks, listen):
        if isinstance(outcome, Problem):
            seen.problems.append(outcome)
        elif outcome is not None:
            result = outcome.seen
            totals = Totals(failed=len(result.problems))
            listen(ImagesFinished(images=outcome.task.rows.num_rows, totals=totals))
            seen.needed_weights |= result.needed
            words = "It needs weights that are damaged or missing: it does not decode."
            seen.problems += [
                Problem(path=outcome.task.shard, key=key, problem=words) for key in result.undecodable
            ]
            if result.problems:
                seen.shards.append(outcome)
    return seen
