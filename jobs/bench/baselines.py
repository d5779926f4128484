"""Measure baselines over images on every core, slowest first; what was measured before comes from the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context

import torch

from codec.bench.baselines import BASELINES, Baseline
from codec.bench.cache import SampleCache
from codec.bench.libraries import MissingLibraryError, library
from codec.bench.measure import RatePoint, Sample, mean_points
from codec.cpus import usable_cpus
from jobs.bench.images import BenchImage
from pipeline.errors import TenfoldError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineRun:
    """What came of the baselines, by id."""

    points: dict[str, list[RatePoint]]
    left_out: dict[str, str]
    """Those that could not be measured, and why."""


def chosen_baselines(names: str | None) -> tuple[Baseline, ...]:
    """The baselines of a list separated by commas; all of them when there is none.

    Raises:
        UsageError: no baseline has one of the names.
    """
    if names is None:
        return BASELINES
    by_id = {baseline.id: baseline for baseline in BASELINES}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in by_id]:
        raise UsageError(f"Expected baselines of {', '.join(by_id)}; got {', '.join(unknown)}.")
    return tuple(by_id[name] for name in wanted)


def available(baselines: Sequence[Baseline]) -> tuple[list[Baseline], dict[str, str]]:
    """Those whose library is here, and why the others are left out."""
    here: list[Baseline] = []
    left_out: dict[str, str] = {}
    for baseline in baselines:
        try:
            library(baseline.format)
        except MissingLibraryError as error:
            left_out[baseline.id] = str(error)
        else:
            here.append(baseline)
    return here, left_out


def measure_baselines(
    baselines: Sequence[Baseline],
    images: Sequence[BenchImage],
    cache: SampleCache,
    *,
    on_done: Callable[[], None],
) -> BaselineRun:
    """Every baseline on every image, one process a core; each pair that ends is cached at once.

    Args:
        on_done: called once a pair, cached ones included.

    Raises:
        SourceError: an image changed meanwhile.
        TenfoldError: a measuring process was killed.
    """
    here, left_out = available(baselines)
    samples: dict[tuple[str, str], list[Sample]] = {}
    todo: list[tuple[Baseline, BenchImage]] = []
    for baseline in sorted(here, key=_slowest_first):
        for image in images:
            if (cached := cache.load(baseline, image.digest)) is None:
                todo.append((baseline, image))
            else:
                samples[baseline.id, image.key] = cached
                on_done()
    for baseline, image, result in _in_processes(todo, cache):
        on_done()
        if isinstance(result, str):
            left_out[baseline.id] = f"{image.key}: {result}"
        else:
            samples[baseline.id, image.key] = result
    points = {
        baseline.id: mean_points([samples[baseline.id, image.key] for image in images])
        for baseline in here
        if baseline.id not in left_out
    }
    return BaselineRun(points=points, left_out=left_out)


def _slowest_first(baseline: Baseline) -> int:
    """AVIF by its speed, then the others: a long task that starts last leaves cores idle."""
    return int(baseline.options.get("speed", 10))


def _in_processes(
    todo: Sequence[tuple[Baseline, BenchImage]], cache: SampleCache
) -> Iterator[tuple[Baseline, BenchImage, list[Sample] | str]]:
    """Each pair with its samples, or why there are none, in the order in which they end."""
    if not todo:
        return
    cores = min(usable_cpus(), len(todo))
    with ProcessPoolExecutor(
        cores, mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as processes:
        jobs = {processes.submit(_measure, *pair, cache): pair for pair in todo}
        try:
            for job in as_completed(jobs):
                yield *jobs[job], job.result()
        except BrokenProcessPool as error:
            raise TenfoldError(
                "Expected measuring processes to finish, got one that was killed (for want of memory?) or never "
                "started; run the same command again: what was measured is kept."
            ) from error
        finally:
            processes.shutdown(cancel_futures=True)


def _measure(baseline: Baseline, image: BenchImage, cache: SampleCache) -> list[Sample] | str:
    pixels = image.pixels()
    try:
        samples = baseline.measure(pixels)
    except (OSError, ValueError, RuntimeError) as error:  # what encoders raise on what they refuse
        return str(error)
    cache.store(baseline, image.digest, samples)
    return samples
