"""The comparison: the archive's own images against what else could have stored them.

What the archive's cache knows is not measured again; the rest is worked through by the same pool that encodes and
verifies, one image a task.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final

from codec.bench.judges.kernel_distance import Windows
from codec.bench.judges.trained_on import judges_of_training
from codec.family import OtherDecoder
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.decoders import stored_decoders
from pipeline.config import CompressConfig
from pipeline.decode.decoder_choice import configs_of_files, files_of
from pipeline.errors import StorageError
from pipeline.events import ImagesFinished, ImagesListed, Listener, ListingEnded, RunBegan, RunEnded, ignore
from pipeline.report.comparison.cache import ComparisonCache
from pipeline.report.comparison.crops import Pictures
from pipeline.report.comparison.image_set import ImageSet
from pipeline.report.comparison.methods import (
    PICTURES,
    Method,
    Result,
    available_methods,
    pictures_method,
    subject_of,
)
from pipeline.report.comparison.tasks import CompareResult, CompareSpec, CompareTask
from pipeline.store.storage import Storage
from pipeline.totals import Totals
from pipeline.types import CatalogueRow
from pipeline.workers.pool import Died
from pipeline.workers.retry import halves, work_through
from pipeline.workers.start import working_pool
from pipeline.workers.workload import Workload

_LOOKUPS: Final = 16
_TIMES_ENCODING: Final = 20
"""So much longer than encoding an image takes comparing it with all the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedImage:
    """One image that took part."""

    row: CatalogueRow
    results: dict[str, Result]
    """By method's id."""
    refused: dict[str, str]


@dataclass(slots=True, kw_only=True)
class Comparison:
    """What came of it. Mutable: filled by the driver alone."""

    methods: list[Method]
    left_out: dict[str, str]
    """By title of a method or measure, why it is not here."""
    drawn: int
    entries: list[ComparedImage] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    """By key of an image that could not take part, why."""
    of_set: dict[str, Result] = field(default_factory=dict)
    """What the images are as a set, by method's id."""
    pictures: dict[str, Pictures] = field(default_factory=dict)
    """By key of an image that was to be shown."""
    from_cache: int = 0
    """Images, the shown ones included, of which nothing had to be measured."""
    not_cached: str | None = None
    """Why the archive took none of what was measured."""
    seconds: float = 0.0


def run_comparison(
    archive: Storage,
    catalogue: Catalogue,
    config: CompressConfig,
    *,
    drawn: Sequence[str],
    shown: Sequence[str],
    decoder: OtherDecoder | None = None,
    listen: Listener = ignore,
) -> Comparison:
    """Measure the images drawn, and make pictures of those to be shown.

    Args:
        drawn, shown: keys.
        decoder: beside the faithful one, whose pictures are measured too.
    Raises:
        ConfigError: no cluster, or too small a one.
        DamagedError: the archive's weights of the decoder are not what they were.
    """
    here, left_out = available_methods()
    if decoder is not None:
        ours = [one for one in here if one.kind in ("ours", "set")]
        here = [*here, *_by_other(archive, decoder, ours)]
    rows = {row.key: row for row in catalogue.lookup({*drawn, *shown})}
    taking_part, pictured = rows.keys() & set(drawn), rows.keys() & set(shown)
    comparisons = ComparisonCache(archive)
    together = ImageSet.among([rows[key] for key in sorted(taking_part)])
    judging_sets = [one for one in here if one.kind == "set"]
    of_set = comparisons.load(together.subject, judging_sets)
    asked = {one.id: one for one in here if one.id not in of_set}
    wanted = {
        key: _wanted(row, asked.values() if key in taking_part else (), together, pictured=key in pictured)
        for key, row in sorted(rows.items())
    }
    outcomes = _Outcomes(_cached_results(comparisons, rows, wanted))
    tasks = [
        CompareTask(row=rows[key], wanted=missing, windows=together.windows_each)
        for key in wanted
        if (missing := tuple(one for one in wanted[key] if one.id not in outcomes.results[key]))
    ]
    started = time.monotonic()
    if tasks:
        spec = CompareSpec(archive_url=archive.url, config=config)
        _work(spec, tasks, config, outcomes, listen)
    comparison = Comparison(
        methods=here,
        left_out=left_out,
        drawn=len(taking_part),
        from_cache=len(wanted) - len(tasks),
        not_cached=outcomes.not_cached,
        seconds=round(time.monotonic() - started, 3),
    )
    seen = {one.id: outcomes.take_windows(one.id) for one in judging_sets}
    _enter(comparison, outcomes, rows, taking_part)
    comparison.of_set = of_set | _judged_together(together, seen)
    if seen and all(len(by_key) == len(together.rows) for by_key in seen.values()):
        _keep(comparisons, together, comparison, judging_sets)
    return comparison


def _by_other(archive: Storage, decoder: OtherDecoder, methods: Iterable[Method]) -> list[Method]:
    """The same methods, of the pictures that another decoder shows."""
    files = files_of(decoder.name, stored_decoders(archive))
    trained_on = {
        judge for config in configs_of_files(archive, decoder.name) for judge in judges_of_training(config)
    }
    return [one.by(decoder, files=files, trained_on=trained_on) for one in methods]


def _enter(
    comparison: Comparison, outcomes: _Outcomes, rows: dict[str, CatalogueRow], taking_part: AbstractSet[str]
) -> None:
    """Write down of every image what was measured of it, or why nothing was."""
    for key in sorted(rows):
        results, refused = outcomes.results[key], outcomes.refused.get(key, {})
        shown_as = results.pop(PICTURES, None)
        if isinstance(shown_as, Pictures):
            comparison.pictures[key] = shown_as
        if key not in taking_part:
            continue
        if results:
            comparison.entries.append(ComparedImage(row=rows[key], results=results, refused=refused))
        else:
            comparison.absent[key] = outcomes.absent.get(key) or "; ".join(sorted(set(refused.values())))


def _judged_together(together: ImageSet, seen: dict[str, dict[str, Windows]]) -> dict[str, Result]:
    scores = {name: together.score(by_key) for name, by_key in seen.items() if by_key}
    return {name: score for name, score in scores.items() if score is not None}


def _keep(
    comparisons: ComparisonCache, together: ImageSet, comparison: Comparison, judging_sets: Sequence[Method]
) -> None:
    try:
        comparisons.store(together.subject, comparison.of_set, judging_sets)
    except StorageError as error:
        comparison.not_cached = str(error)


class _Outcomes:
    """What is known so far, by key."""

    def __init__(self, cached: dict[str, dict[str, Result]]) -> None:
        self.results = cached
        self.refused: dict[str, dict[str, str]] = {}
        self.absent: dict[str, str] = {}
        self.not_cached: str | None = None

    def take(self, task: CompareTask, result: CompareResult) -> None:
        key = task.row.key
        self.results[key].update(result.results)
        self.refused.setdefault(key, {}).update(result.refused)
        if result.absent is not None:
            self.absent[key] = result.absent
        self.not_cached = self.not_cached or result.not_cached

    def take_windows(self, method_id: str) -> dict[str, Windows]:
        """What was seen of the images of a set, by key: a part of what the set will say, and no result."""
        found = {key: results.pop(method_id, None) for key, results in self.results.items()}
        return {key: windows for key, windows in found.items() if isinstance(windows, Windows)}

    def give_up(self, death: Died[CompareTask]) -> None:
        reason = f"its worker died: {death.reason}"
        self.take(death.task, CompareResult(refused={one.id: reason for one in death.task.wanted}))


def _work(
    spec: CompareSpec,
    tasks: Sequence[CompareTask],
    config: CompressConfig,
    outcomes: _Outcomes,
    listen: Listener,
) -> None:
    listen(RunBegan(verb="report", archive=spec.archive_url, done="compared"))
    listen(ImagesListed(images=len(tasks)))
    listen(ListingEnded())
    seen: set[str] = set()
    pixels = sum(task.row.num_pixels for task in tasks)
    workload = Workload(images=len(tasks), megapixels=_TIMES_ENCODING * pixels / 1e6)
    with working_pool(spec, config.workers, listen, workload=workload, phase="comparing") as pool:
        for outcome in work_through(pool, tasks, _split, listen=listen):
            if outcome is not None:
                if isinstance(outcome, Died):
                    outcomes.give_up(outcome)
                else:
                    outcomes.take(outcome.task, outcome.result)
                row = outcome.task.row
                if row.key not in seen:  # a task may come back in parts
                    seen.add(row.key)
                    pixels = row.num_pixels
                    listen(ImagesFinished(images=1, totals=Totals(pixels=pixels)))
    listen(RunEnded())


def _wanted(
    row: CatalogueRow, asked: Iterable[Method], together: ImageSet, *, pictured: bool
) -> tuple[Method, ...]:
    """A kept image is its own source: only what stores without loss can be held against it."""
    if row.status != "coded":
        return tuple(one for one in asked if one.kind == "lossless")
    able = tuple(one for one in asked if one.kind != "set" or row.key in together.keys)
    return (*able, pictures_method()) if pictured else able


def _cached_results(
    comparisons: ComparisonCache, rows: dict[str, CatalogueRow], wanted: dict[str, tuple[Method, ...]]
) -> dict[str, dict[str, Result]]:
    with ThreadPoolExecutor(_LOOKUPS) as pool:
        found = pool.map(lambda key: comparisons.load(subject_of(rows[key]), wanted[key]), wanted)
        return dict(zip(wanted, found, strict=True))


def _split(task: CompareTask) -> list[CompareTask]:
    return [
        replace(task, wanted=tuple(task.wanted[at] for at in half))
        for half in halves(range(len(task.wanted)))
    ]
