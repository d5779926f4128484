"""What else could have stored the images, as GitHub Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.report.comparison.results import ComparisonResults
from pipeline.report.markdown_table import markdown_cell, markdown_table
from pipeline.report.phrases import (
    JUDGED_HEADINGS,
    comparison_notes,
    gain,
    inside,
    judged_rows,
    number,
    otherwise_words,
    times,
)
from pipeline.report.report import Report


def comparison_markdown(report: Report) -> Iterator[str]:
    """Its parts; none where nothing was compared."""
    comparison, held = report.comparison, report.results
    if comparison is None or held is None:
        return
    yield (
        f"## Against what else\n\n{len(comparison.entries):,} of {comparison.drawn:,} images drawn with seed "
        f"{report.sampling.seed} were read again and compared."
    )
    if held.lossless:
        yield markdown_table(
            ["without loss", "settings", "against raw", "of our size", "images", "library"],
            [
                (
                    one.method.title,
                    one.method.settings,
                    times(one.ratio_vs_raw),
                    times(one.times_ours),
                    f"{one.images:,}",
                    one.method.library,
                )
                for one in held.lossless
            ],
        )
    if held.lossy:
        yield _lossy(held)
    yield "\n".join(f"- {markdown_cell(note)}" for note in comparison_notes(report))


def _lossy(held: ComparisonResults) -> str:
    ours = held.ours
    words = ""
    if ours is not None:
        scores = [
            ("PSNR", number(ours.psnr_db, 2), " dB"),
            ("SSIM", number(ours.ssim, 4), ""),
            ("MS-SSIM", number(ours.ms_ssim, 4), ""),
        ]
        shown = ", ".join(f"{name} {value}{unit}" for name, value, unit in scores if value != "-")
        words = f"\n\nOurs on the same {ours.images:,} coded images: {ours.bpp:.3f} bpp, {shown}."
        words += otherwise_words(ours)
        if ours.judged:
            words += "\n\n" + markdown_table(JUDGED_HEADINGS, judged_rows(ours))
    table = markdown_table(
        [
            "with loss",
            "our PSNR less its, at our bpp",
            "its bytes over ours, at our PSNR",
            "images inside (rate, PSNR)",
            "library",
        ],
        [
            (
                one.method.title,
                gain(one.psnr_gain_db),
                times(one.times_ours.value),
                inside(one),
                one.method.library,
            )
            for one in held.lossy
        ],
    )
    return table + words
