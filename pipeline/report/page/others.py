"""This archive against others on the page: other ways to store its images, and another archive of them."""

from __future__ import annotations

from typing import Any

from pipeline.report.archive_diff import ArchiveDiff
from pipeline.report.phrases import (
    JUDGED_HEADINGS,
    diff_sentence,
    gain,
    inside,
    judged_rows,
    number,
    otherwise_words,
    times,
)
from pipeline.report.report import Report


def comparison_words(report: Report) -> dict[str, Any] | None:
    """None when no comparison was held."""
    comparison, held = report.comparison, report.results
    if comparison is None or held is None:
        return None
    ours = held.ours
    images = report.aggregate.totals.images - report.aggregate.totals.failed
    drawn = f", drawn with seed {report.sampling.seed}," if comparison.drawn < images else ""
    missing = comparison.drawn - len(comparison.entries)
    absent = f" {missing:,} more could not be (see below)." if missing else ""
    return {
        "words": f"{len(comparison.entries):,} of the {images:,} stored images{drawn} were read again from their "
        f"source and stored in other ways.{absent}",
        "lossless": [
            (
                one.method.title,
                times(one.ratio_vs_raw),
                times(one.times_ours),
                f"{one.images:,}",
                one.method.settings,
                one.method.library,
            )
            for one in held.lossless
        ],
        "sizes_words": "; ".join(f"{one.method.title} {times(one.ratio_vs_raw)}" for one in held.lossless),
        "lossy": [
            (one.method.title, gain(one.psnr_gain_db), times(one.times_ours.value), inside(one))
            for one in held.lossy
        ],
        "lossy_libraries": [
            (one.method.title, f"{one.images:,}", one.method.settings, one.method.library)
            for one in held.lossy
        ],
        "curves_words": "PSNR over bits per pixel, one curve a codec; this archive is one point"
        + (f" at {ours.bpp:.3f} bpp and {number(ours.psnr_db, 2)} dB" if ours is not None else ""),
        "ours_words": _ours_words(report),
        "judged_headings": JUDGED_HEADINGS,
        "judged": [] if ours is None else judged_rows(ours),
        "outside_words": "Inside are the images whose rate, or PSNR, lies between a codec's measured points: the "
        "others are not guessed at.",
    }


def diff_words(diff: ArchiveDiff) -> dict[str, Any]:
    """Totals, and the images that differ most."""
    here, there = diff.this, diff.other
    return {
        "words": diff_sentence(diff),
        "headings": ["", "payloads", "bpp", "against raw", "coded bpp", "PSNR, dB", "MS-SSIM"],
        "rows": [
            (
                what,
                f"{totals.payload_bytes:,}",
                number(totals.bpp, 3),
                times(totals.ratio_vs_raw),
                number(totals.coded_bpp, 3),
                number(totals.psnr_db, 2),
                number(totals.ms_ssim, 4),
            )
            for what, totals in (("this archive", here), (diff.other_archive, there))
        ],
        "differing_headings": [
            "key",
            "PSNR here, dB",
            "there",
            "difference",
            "bytes here",
            "there",
            "here over there",
        ],
        "differing": [
            (
                one.key,
                f"{one.this_psnr_db:.2f}",
                f"{one.other_psnr_db:.2f}",
                f"{one.psnr_difference_db:+.2f}",
                f"{one.this_bytes:,}",
                f"{one.other_bytes:,}",
                times(one.bytes_ratio),
            )
            for one in diff.differing
        ],
    }


def _ours_words(report: Report) -> str:
    ours = report.results.ours if report.results is not None else None
    if ours is None:
        return "No coded image could be compared."
    scores = [f"{ours.bpp:.3f} bpp", f"PSNR {number(ours.psnr_db, 2)} dB", f"SSIM {number(ours.ssim, 4)}"]
    if ours.ms_ssim is not None:
        scores.append(f"MS-SSIM {ours.ms_ssim:.4f}")
    return (
        f"This archive on the same {ours.images:,} coded images: {', '.join(scores)}.{otherwise_words(ours)}"
    )
