"""What a run would do, as `--dry-run` of compress and nightly tells it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from jobs.terminal.adaptation import tell_adapt_plan
from jobs.terminal.listing import listing_lines, tell_unlisted
from jobs.terminal.output import print_json, say
from jobs.terminal.progress import show_progress
from jobs.terminal.progress_words import effort_words
from pipeline.compress.adapt_first import plan_adapt_first
from pipeline.compress.plan import CompressPlan, ImageCount
from pipeline.compress.run import CompressRun
from pipeline.config import CompressConfig
from pipeline.source.source import Source
from pipeline.store.storage import Storage
from pipeline.words import counted


def plan_and_tell(
    source: Source, store: Storage, config: CompressConfig, archive: str, *, as_json: bool
) -> None:
    """Plan a run, and write nothing."""
    with show_progress() as listen:
        learning = plan_adapt_first(source, store, config, listen)
        plan = CompressRun(source, store, config).plan(listen)
    if as_json:
        adaptation = None if learning is None else asdict(learning)
        print_json({"dry_run": True, **plan_json(plan), "adaptation": adaptation})
        return
    if learning is not None:
        tell_adapt_plan(learning)
    tell_plan(plan, archive)


def plan_json(plan: CompressPlan) -> dict[str, Any]:
    """Every count, and what is to be encoded in all."""
    return {**asdict(plan), "to_encode": asdict(plan.to_encode)}


def tell_plan(plan: CompressPlan, archive: str) -> None:
    """On stdout: what would be done, a line for each kind of image."""
    if plan.resumes is not None:
        print(f"The interrupted run {plan.resumes} would be finished first.")
    for line in plan_lines(plan):
        print(line)
    tell_unlisted(plan.listing)
    say(f"Nothing was written to {archive} (--dry-run).")


def plan_lines(plan: CompressPlan) -> Iterator[str]:
    """A line for each kind of image, and what the listing found beside images."""
    yield f"Would encode {count_words(plan.to_encode)}."
    yield f"  new        {count_words(plan.new)}"
    yield f"  changed    {count_words(plan.changed)}"
    yield f"  displacing {count_words(plan.displacing)}, under keys of images from another source"
    if plan.remapped.images:
        yield f"  remapped   {count_words(plan.remapped)}, whose importance maps or texts changed"
    yield f"Unchanged    {count_words(plan.unchanged)}"
    if plan.gone is not None:
        yield f"Gone         {count_words(plan.gone)}, archived and no longer in the source"
    yield from _cost_lines(plan)
    yield from listing_lines(plan.listing)


def _cost_lines(plan: CompressPlan) -> Iterator[str]:
    """How long a megapixel and all images would take, where effort is asked for."""
    cost = plan.effort
    if cost is None:
        return
    words = effort_words(cost.effort, cost.seconds_per_megapixel, on_gpu=cost.on_gpu)
    seconds, megapixels = cost.seconds or 0.0, cost.megapixels or 0.0
    unit, length = ("hour", 3600) if seconds >= 360 else ("minute", 60) if seconds >= 6 else ("second", 1)
    of = "GPU" if cost.on_gpu else "core"
    yield f"With {words}, {seconds / length:,.2g} {of}-{unit}s for {megapixels:,.3g} MP."


def count_words(count: ImageCount) -> str:
    """How many images of how many bytes."""
    return f"{counted(count.images, 'image')} ({count.bytes / 1e6:,.2f} MB)"
