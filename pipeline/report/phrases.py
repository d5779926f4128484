"""Numbers and sentences that the Markdown, the page and the terminal share."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.report.archive_diff import ArchiveDiff
from pipeline.report.as_json import comparison_json
from pipeline.report.comparison.results import LossyResult, Matched
from pipeline.report.report import Report
from pipeline.words import counted


def diff_sentence(diff: ArchiveDiff) -> str:
    """What both hold, and how far apart they are."""
    words = f"{counted(diff.images, 'image')} of the same source file in both archives"
    if diff.changed:
        words += f"; {counted(diff.changed, 'more image')} under the same key from different files left out"
    gains = diff.psnr_difference_db.percentiles()
    if not gains:
        return f"{words}. None of them is coded in both."
    ratios = diff.bytes_ratio.percentiles()
    return (
        f"{words}. Where both are coded, this archive's PSNR differs by {gains[50]:+.2f} dB in the median "
        f"({gains[5]:+.2f} to {gains[95]:+.2f} for nine of ten), and it takes {times(ratios[50])} the bytes "
        f"({times(ratios[5])} to {times(ratios[95])})."
    )


def comparison_notes(report: Report) -> Iterator[str]:
    """What the comparison leaves out, a sentence each."""
    comparison = report.comparison
    if comparison is None:
        yield (
            "No image was compared: --sample 0 reads the catalogue alone."
            if not report.wants_comparison
            else "The images have not been compared yet."
        )
        return
    for what, why in comparison.left_out.items():
        yield f"{what}: {why}."
    said = comparison_json(report) or {}
    for why, images in said["absent"].items():
        yield f"{counted(images, 'image')} took no part: {why}."
    titles = {one.id: one.title for one in comparison.methods}
    for one in said["refused"]:
        title = titles.get(one["contestant"], one["contestant"])
        yield f"{title} could not take {counted(one['images'], 'image')}: {one['reason']}."
    if comparison.not_cached is not None:
        yield (
            "What was measured could not be kept in the archive, so the next report measures again: "
            f"{comparison.not_cached}"
        )


def gain(matched: Matched) -> str:
    """A difference of PSNR with its sign."""
    return "-" if matched.value is None else f"{matched.value:+.2f} dB"


def inside(one: LossyResult) -> str:
    """On how many images both could be matched: by rate, by quality, of how many."""
    return f"{one.psnr_gain_db.inside:,}, {one.times_ours.inside:,} of {one.images:,}"


def usd(value: float) -> str:
    """Money, to the cent."""
    return "under 0.01 USD" if 0 < value < 0.01 else f"{value:,.2f} USD"


def times(value: float | None) -> str:
    """A ratio."""
    return "-" if value is None else f"{value:.2f}x" if value < 10 else f"{value:.1f}x"


def number(value: float | None, digits: int) -> str:
    """A number, or a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def megabytes(num_bytes: int) -> str:
    """A size for a person; MB is 10^6 bytes."""
    if not num_bytes:
        return "-"
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if num_bytes >= size:
            return f"{num_bytes / size:.2f} {unit}"
    return f"{num_bytes / 1e3:.1f} kB"
