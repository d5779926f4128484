"""What a look at a source found, as `tenfold plan` tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any, Final

from jobs.terminal.listing import listing_lines, tell_unlisted
from jobs.terminal.output import readable, say
from jobs.terminal.run_plan import count_words, plan_json, plan_lines
from pipeline.compress.plan import ImageCount
from pipeline.plan.expectation import Estimate, Expectation
from pipeline.plan.run import SourcePlan
from pipeline.words import counted, in_units

_KINDS: Final = 8
_SPANS: Final = (("h", 1.0), ("min", 1 / 60), ("s", 1 / 3600))
_GB: Final = 1e9


def source_plan_json(found: SourcePlan, *, cores: int, price: float, seed: int) -> dict[str, Any]:
    """All that is known, and the estimates with their intervals; bytes, hours, US dollars a month."""
    composition, expectation = found.composition, found.expectation
    return {
        "files": asdict(composition.total),
        "by_format": {name: asdict(count) for name, count in composition.formats().items()},
        "by_size": {name: asdict(count) for name, count in composition.sizes().items()},
        "listing": asdict(found.listing),
        "compared": None if found.compared is None else plan_json(found.compared),
        "expectation": None if expectation is None else asdict(expectation),
        "costs": None if expectation is None else _costs(expectation, cores, price),
        "seed": seed,
    }


def _costs(expectation: Expectation, cores: int, price: float) -> dict[str, Any]:
    return {
        "cores": cores,
        "hours": asdict(expectation.hours.times(1 / cores)),
        "usd_per_gb_month": price,
        "files_usd_a_month": expectation.of.bytes / _GB * price,
        "archive_usd_a_month": asdict(expectation.archive_bytes.times(price / _GB)),
    }


def tell_source_plan(found: SourcePlan, source: str, *, cores: int, price: float, seed: int) -> None:
    """On stdout: what the source is made of, what an archive lacks of it, and what to expect."""
    total = found.composition.total
    print(f"{readable(source)}: {counted(total.images, 'image')}, {_bytes(total.bytes)}")
    print(f"  by format  {_kinds(found.composition.formats())}")
    print(f"  by size    {_kinds(found.composition.sizes())}")
    compared = found.compared
    for line in listing_lines(found.listing) if compared is None else plan_lines(compared):
        print(line)
    if found.expectation is not None:
        for line in _expectation_lines(found.expectation, cores=cores, price=price, seed=seed):
            print(line)
    tell_unlisted(found.listing)
    say("Nothing was written.")


def _kinds(counts: Mapping[str, ImageCount]) -> str:
    shown = [
        f"{readable(name)} {count.images:,} ({_bytes(count.bytes)})"
        for name, count in islice(counts.items(), _KINDS)
    ]
    rest = len(counts) - len(shown)
    return "; ".join([*shown, f"and {rest} more"] if rest else shown)


def _expectation_lines(found: Expectation, *, cores: int, price: float, seed: int) -> Iterator[str]:
    yield (
        f"To expect of {count_words(found.of)}, by {counted(found.sampled, 'image')} that --seed {seed} drew and that "
        "were encoded here (in brackets: where 95 of 100 such samples would put it):"
    )
    yield f"  archive    {_interval(found.archive_bytes, _bytes)}, {_times(found.ratio_vs_source)} less than the files"
    yield f"  zip        {_interval(found.zip_bytes, _bytes)}, {_times(found.zip_ratio_vs_source)} less than the files"
    if found.psnr_db is not None:
        yield (
            f"  quality    {_interval(found.psnr_db, lambda db: f'{db:.1f}')} dB PSNR on average; one in twenty coded "
            f"images of the sample is under {found.worst_psnr_db:.1f}"
        )
    shares = (f"{status} {_interval(share, _percent)}" for status, share in found.shares.items())
    yield f"  becomes    {'; '.join(shares)}"
    unit, shared = "GPU" if found.on_gpu else "core", found.hours.times(1 / cores)
    alone = _interval(found.hours, _span)
    yield f"  work       {alone} of one {unit}, {_interval(shared, _span)} of {counted(cores, unit)}"
    files, archive = found.of.bytes / _GB * price, found.archive_bytes.times(price / _GB)
    yield f"  a month    {_interval(archive, _dollars)} instead of {_dollars(files)}, at {price:g} USD a GB"
    if found.failed:
        yield f"Of the sample, {counted(found.failed, 'file')} could not be read."


def _interval(estimate: Estimate, words: Any) -> str:
    low, value, high = (words(number) for number in (estimate.low, estimate.value, estimate.high))
    return f"about {value} ({low} to {high})" if low != high else value


def _times(estimate: Estimate) -> str:
    return _interval(estimate, lambda ratio: f"{ratio:.2f}") + " times"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _span(hours: float) -> str:
    unit, length = next((unit, length) for unit, length in _SPANS if hours >= 2 * length or unit == "s")
    return f"{hours / length:,.3g} {unit}" if hours < 1000 * length else f"{hours / length:,.0f} {unit}"


def _dollars(dollars: float) -> str:
    return f"{dollars:,.2f} USD"


def _bytes(count: float) -> str:
    size, unit = in_units(count)
    return f"{size:.3g} {unit}"
