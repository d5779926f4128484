"""What a codec learned from an archive's images, or why nothing is to change, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from jobs.terminal.output import readable
from jobs.terminal.progress import show_progress
from pipeline.adapt.run import AdaptOutcome, AdaptPlan
from pipeline.archive.adaptations import AdaptationRecord, Evidence
from pipeline.compress.adapt_first import adapt_first
from pipeline.config import CompressConfig
from pipeline.source.source import Source
from pipeline.store.storage import Storage
from pipeline.words import counted


def adapt_and_tell(
    source: Source, archive: Storage, config: CompressConfig, *, as_json: bool
) -> AdaptOutcome | None:
    """Learn from a source before its images are encoded, where the config says so, and say what came of it."""
    with show_progress() as listen:
        outcome = adapt_first(source, archive, config, listen)
    if not as_json:
        tell_adaptation(outcome)
    return outcome


def adaptation_json(outcome: AdaptOutcome | None) -> dict[str, Any] | None:
    """The record as the archive keeps it, and why nothing was tried; None where nobody asked for it."""
    if outcome is None:
        return None
    record = None if outcome.record is None else asdict(outcome.record)
    return {"record": record, "skipped": outcome.skipped}


def tell_adaptation(outcome: AdaptOutcome | None) -> None:
    """On stdout, at once: what follows may take hours."""
    for line in () if outcome is None else _lines(outcome):
        print(line, flush=True)


def tell_adapt_plan(plan: AdaptPlan) -> None:
    """On stdout: what would be done."""
    if plan.skipped is not None:
        print(f"Would not learn from these images: {plan.skipped}.")
        return
    if plan.resumes is not None:
        print(f"The interrupted adaptation {plan.resumes} would go on.")
    how_long = "as long as the size of the source is worth" if plan.time == "auto" else plan.time
    print(
        f"Would learn from {counted(plan.learn, 'image')} of {plan.listed_images:,} ({how_long}), and judge by "
        f"{plan.held_back:,} others that do not lie beside them. Nothing was written."
    )


def _lines(outcome: AdaptOutcome) -> Iterator[str]:
    record = outcome.record
    if record is None:
        yield f"Nothing was learned from these images: {outcome.skipped}. {_AS_BEFORE}"
        return
    if record.accepted:
        yield f"Learned from {_from(record)}: {record.reason}."
    else:
        yield f"Nothing better was learned from {_from(record)}: {record.reason}. {_AS_BEFORE}"
    evidence = record.evidence
    if evidence is not None:
        least = f"{readable(evidence.worst_key or '')} gains least, {_percent(evidence.worst_percent)}"
        yield f"  {_by_band(evidence)}; {least}."
        if record.accepted:
            yield f"  {_cost(evidence)} {_choice(record)}"


_AS_BEFORE = "The archive encodes as before."


def _from(record: AdaptationRecord) -> str:
    time = f" in {_time(record.seconds)}" if record.seconds else ""
    return f"{counted(record.learned_from, 'image')}{time}"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _by_band(evidence: Evidence) -> str:
    bands = ", ".join(
        f"{_percent(band.percent)} at qualities {band.from_quality:g} to {band.to_quality:g}"
        for band in evidence.bands
    )
    return f"{counted(evidence.images, 'image')} held back: {_percent(evidence.percent)} bits at equal PSNR ({bands})"


def _cost(evidence: Evidence) -> str:
    if not evidence.weights_bytes:
        return "The archive grows by nothing: the weights take the place of the shipped ones."
    words = f"The weights take {evidence.weights_bytes / 1e6:.2f} MB"
    if evidence.pays_back_after_bytes is None:
        return f"{words}."
    return f"{words}, saved after {evidence.pays_back_after_bytes / 1e6:.1f} MB of payloads."


def _choice(record: AdaptationRecord) -> str:
    if len(record.weights) == 1:
        return "New images are encoded with what was learned from here on."
    count = len(record.weights)
    return (
        f"It helps some images and costs others: from here on each takes the best of {count} sets of weights."
    )


def _percent(percent: float) -> str:
    return f"{percent:+.1f} %"
