"""Numbers and sentences that the Markdown, the page and the terminal share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from codec.bench.judges.trained_on import MARK
from pipeline.report.archive_diff import ArchiveDiff
from pipeline.report.as_json import comparison_json
from pipeline.report.comparison.results import LossyResult, Matched, Ours
from pipeline.report.report import Report
from pipeline.words import counted, in_units

JUDGED_HEADINGS: Final = ("judge", "score", "better is", "images", "what it does not see")


class Tiers(Protocol):
    """How many images each tier took: of an archive (`Totals`), or of one run (`RunSummary`)."""

    @property
    def coded(self) -> int: ...
    @property
    def lossless(self) -> int: ...
    @property
    def bounded(self) -> int: ...
    @property
    def kept(self) -> int: ...
    @property
    def damaged(self) -> int: ...
    @property
    def failed(self) -> int: ...


def tiers(counts: Tiers) -> str:
    """How many images each tier took; those that few archives use only where they took some."""
    words = [f"{counts.coded:,} coded"]
    words += [f"{counts.lossless:,} lossless"] if counts.lossless else []
    words += [f"{counts.bounded:,} within an error bound"] if counts.bounded else []
    damaged = f" ({counts.damaged:,} of them damaged)" if counts.damaged else ""
    words += [f"{counts.kept:,} kept byte for byte{damaged}", f"{counts.failed:,} failed"]
    return ", ".join(words)


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
        yield ("No image has been looked at yet.")
        return
    if not report.wants_comparison:
        yield "No image was held against other codecs: --sample 0."
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
    if said["given_back"]:
        yield (
            f"{counted(said['given_back'], 'image')} that some codec gave back exactly, as it does flat ones, are in "
            "no mean and no curve of codecs that lose: PSNR is infinite there."
        )
    if comparison.not_cached is not None:
        yield (
            "What was measured could not be kept in the archive, so the next report measures again: "
            f"{comparison.not_cached}"
        )


def judged_rows(ours: Ours) -> list[tuple[str, ...]]:
    """What each judge says of this archive, for a table under `JUDGED_HEADINGS`."""
    return [
        (
            one.name,
            f"{one.value:.4f}{MARK if one.is_trained_on else ''}"
            + ("" if one.floor is None else f" (floor {one.floor:.4f})"),
            one.better,
            f"{one.images:,}" + ("" if one.floor is None else ", as a set"),
            f"{MARK} The decoder was trained on this judge, which does not judge it."
            if one.is_trained_on
            else one.blind_to,
        )
        for one in ours.judged
    ]


def otherwise_words(ours: Ours) -> str:
    """How near another decoder's pictures are, where one was asked for; else nothing."""
    return "".join(
        f" The same payloads {one.title}: PSNR {number(one.psnr_db, 2)} dB, SSIM {number(one.ssim, 4)}, MS-SSIM "
        f"{number(one.ms_ssim, 4)}."
        for one in ours.otherwise
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
    size, unit = in_units(num_bytes, smallest="kB")
    return f"{size:.{1 if unit == 'kB' else 2}f} {unit}"
