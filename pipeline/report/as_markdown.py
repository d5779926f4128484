"""The report for a person, as GitHub Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.report.as_json import DEFINITIONS, storage_json
from pipeline.report.comparison_markdown import comparison_markdown
from pipeline.report.histogram import PERCENTILES
from pipeline.report.learned import HEADINGS as LEARNED_HEADINGS
from pipeline.report.learned import WORDS as LEARNED_WORDS
from pipeline.report.learned import learned_rows
from pipeline.report.markdown_table import markdown_cell, markdown_table
from pipeline.report.phrases import diff_sentence, number, tiers, times, usd
from pipeline.report.report import Report
from pipeline.report.size_table import size_rows, verdict
from pipeline.words import counted

_AXES = {
    "status": "status",
    "format": "source format",
    "size": "size",
    "codec_quality": "codec and quality",
    "weights": "weights",
}
_HISTOGRAMS = {"psnr_db": "PSNR, dB", "ms_ssim": "MS-SSIM", "bpp": "bpp", "ratio": "against raw"}


def report_markdown(report: Report) -> str:
    """All of it."""
    parts = [
        _head(report),
        _sizes(report),
        _diff(report),
        *comparison_markdown(report),
        _quality(report),
        _worst(report),
        _reasons(report),
        *_groups(report),
        _learned(report),
        _cost(report),
        _runs(report),
        "\n".join(f"- **{term}**: {meaning}" for term, meaning in DEFINITIONS.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(report: Report) -> str:
    totals = report.aggregate.totals
    return (
        f"# Archive report: {markdown_cell(report.aggregate.archive)}\n\n"
        f"{counted(totals.images, 'image')}: {tiers(totals)}. "
        f"Catalogue version {report.aggregate.version}, read "
        f"{report.made_at:%Y-%m-%d %H:%M} UTC by Tenfold {report.tenfold}."
    )


def _sizes(report: Report) -> str:
    totals = report.aggregate.totals
    rows = [
        (row.what, f"{row.num_bytes:,}", times(row.ratio_vs_source), times(row.ratio_vs_raw))
        for row in size_rows(totals)
    ]
    table = markdown_table(["", "bytes", "against your files", "against raw"], rows)
    return f"## Size\n\n{table}\n\n{verdict(totals)}"


def _diff(report: Report) -> str:
    diff = report.diff
    if diff is None:
        return ""
    table = markdown_table(
        ["", "payload bytes", "bpp", "against raw", "PSNR, dB", "MS-SSIM"],
        [
            (
                markdown_cell(what),
                f"{totals.payload_bytes:,}",
                number(totals.bpp, 3),
                times(totals.ratio_vs_raw),
                number(totals.psnr_db, 2),
                number(totals.ms_ssim, 4),
            )
            for what, totals in (("this archive", diff.this), (diff.other_archive, diff.other))
        ],
    )
    differing = markdown_table(
        ["the images that differ most", "PSNR here", "there", "difference", "bytes here over there"],
        [
            (
                markdown_cell(one.key),
                f"{one.this_psnr_db:.2f}",
                f"{one.other_psnr_db:.2f}",
                f"{one.psnr_difference_db:+.2f}",
                times(one.bytes_ratio),
            )
            for one in diff.differing
        ],
    )
    return f"## Beside {markdown_cell(diff.other_archive)}\n\n{diff_sentence(diff)}\n\n{table}\n\n{differing}"


def _quality(report: Report) -> str:
    found = {name: histogram.percentiles() for name, histogram in report.aggregate.histograms.items()}
    rows = [
        (title, *(number(found[name][p], 4 if name in ("ms_ssim", "bpp") else 2) for p in PERCENTILES))
        for name, title in _HISTOGRAMS.items()
        if found[name]
    ]
    if not rows:
        return ""
    return "## Quality of the coded images\n\n" + markdown_table(
        ["percentile", *(f"{p} %" for p in PERCENTILES)], rows
    )


def _worst(report: Report) -> str:
    rows = [
        (markdown_cell(one.key), f"{one.psnr_db:.2f}", number(one.ms_ssim, 4), f"{one.bpp:.3f}")
        for one in report.aggregate.worst
    ]
    return (
        "## Where it is worst\n\n" + markdown_table(["key", "PSNR, dB", "MS-SSIM", "bpp"], rows)
        if rows
        else ""
    )


def _reasons(report: Report) -> str:
    rows = [(status, markdown_cell(reason), f"{n:,}") for status, reason, n in report.aggregate.reasons]
    return "## Kept and failed\n\n" + markdown_table(["status", "reason", "images"], rows) if rows else ""


def _groups(report: Report) -> Iterable[str]:
    for axis, groups in report.aggregate.groups.items():
        yield f"## By {_AXES[axis]}\n\n" + markdown_table(
            ["", "images", "source bytes", "payload bytes", "bpp", "against raw", "PSNR, dB", "MS-SSIM"],
            [
                (
                    markdown_cell(group.name),
                    f"{group.totals.images:,}",
                    f"{group.totals.source_bytes:,}",
                    f"{group.totals.payload_bytes:,}",
                    number(group.totals.bpp, 3),
                    times(group.totals.ratio_vs_raw),
                    number(group.totals.psnr_db, 2),
                    number(group.totals.ms_ssim, 4),
                )
                for group in groups
            ],
        )


def _learned(report: Report) -> str:
    records = report.state.adaptations
    if not records:
        return ""
    rows = [tuple(map(markdown_cell, row)) for row in learned_rows(records)]
    return f"## What this archive has learned\n\n{LEARNED_WORDS}\n\n{markdown_table(LEARNED_HEADINGS, rows)}"


def _cost(report: Report) -> str:
    said = storage_json(report.aggregate.totals, report.state, report.usd_per_gb_month)
    return (
        f"## Storage\n\nEverything in the archive takes {said['archive_bytes']:,} bytes: "
        f"{usd(said['archive_usd_per_month'])} a month at {report.usd_per_gb_month:g} USD per GB (10^9 bytes); "
        f"the source files {said['source_bytes']:,} bytes: {usd(said['source_usd_per_month'])}."
    )


def _runs(report: Report) -> str:
    runs = report.state.runs
    if not runs:
        return ""
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.state.stage_seconds.items())
    rows = [
        (
            one.run,
            f"{one.images:,}",
            f"{one.failed:,}",
            f"{one.seconds:.1f}",
            f"{one.megapixels_per_second:.2f}",
        )
        for one in runs[:10]
    ]
    table = markdown_table(["run", "images", "failed", "seconds", "MP/s"], rows)
    return (
        f"## Runs\n\n{table}\n\nWork by stage, summed over workers, threads and runs: {stages or 'unknown'}."
    )
