"""The report of `tenfold bench rd` as tables that read well on a terminal and on a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from codec.bench.bd_rate import BdRate, NoBdRateError, RateCurve
from codec.bench.comparison import MAIN_RANGE_BPP, BdRates, NoBdRate
from codec.bench.judges.trained_on import MARK
from codec.bench.measure import RatePoint
from codec.bench.rd_report import Line, RdReport
from codec.bench.zoo.page.tables import columns, lines
from codec.bench.zoo.sheet import Sheet

_MAIN = f"{MAIN_RANGE_BPP[0]:g}-{MAIN_RANGE_BPP[1]:g} bpp"
_RATIOS = (100.0, 60.0, 25.0, 10.0)
"""Against raw 24-bit pixels."""


def to_markdown(report: RdReport) -> str:
    """BD-rates, what is missing and why, PSNR at equal rate, every point, every setting."""
    said = report.circumstances
    made_on = f"{said['date']}, {said['machine']}, commit {said['commit'] or 'unknown'}"
    parts = [
        f"# {report.ours.title} against others, {report.images} images, {report.megapixels:.1f} megapixels",
        f"{made_on}. bpp: bytes of whole files x 8 / pixels. PSNR over RGB, MS-SSIM mean of the RGB channels, both on "
        "decoded 8-bit pixels. Every number is a mean over images of per-image values.",
        "## BD-rate\n\nBits that our codec needs against each other at equal quality; negative: fewer. PCHIP on log "
        f"rate over the qualities both reach, and over those of them that ours reaches at {_MAIN}. MS-SSIM as "
        "-10 log10(1 - x).",
        _table(_BD_HEADER, [_bd_row(*compared) for compared in report.comparisons()]),
        _notes(report),
        "## PSNR at equal rate, dB\n\nInterpolated between the points below; `-` where a curve does not go.",
        _table(
            ("codec", *(f"{ratio:g}x, {24 / ratio:.2f} bpp" for ratio in _RATIOS)),
            [(line.title, *_at_ratios(line)) for line in report.lines],
        ),
        *(_judged(report.judged) if report.judged is not None else ()),
        "## Points",
        _table(_POINT_HEADER, [row for line in report.lines for row in _point_rows(line)]),
        "## Settings",
        _table(
            ("codec", "settings", "library or source"),
            [(line.title, line.settings, line.library) for line in report.lines],
            numbers=False,
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


_BD_HEADER = ("against", "PSNR", "overlap", "our bpp", f"PSNR, {_MAIN}", "MS-SSIM", f"MS-SSIM, {_MAIN}")
_POINT_HEADER = ("codec", "quality", "bpp", "against raw", "PSNR dB", "MS-SSIM")


def _at_ratios(line: Line) -> Iterable[str]:
    try:
        curve = RateCurve((point.bpp, point.psnr_db) for point in line.points)
    except NoBdRateError:
        return ["-"] * len(_RATIOS)
    rates = [24.0 / ratio for ratio in _RATIOS]
    return [f"{curve.score_at(r):.2f}" if curve.low_bpp <= r <= curve.high_bpp else "-" for r in rates]


def _bd_row(line: Line, psnr: BdRates, ms_ssim: BdRates) -> tuple[str, ...]:
    title = f"{line.title} (published, Kodak)" if line.published else line.title
    overlap_db, rates = "-", "-"
    if isinstance(psnr.overlap, BdRate):
        overlap_db = f"{psnr.overlap.low_db:.1f}-{psnr.overlap.high_db:.1f} dB"
        rates = f"{psnr.overlap.low_bpp:.2f}-{psnr.overlap.high_bpp:.2f}"
    return (
        title, _percent(psnr.overlap), overlap_db, rates,
        _percent(psnr.main_range), _percent(ms_ssim.overlap), _percent(ms_ssim.main_range),
    )  # fmt: skip


def _judged(sheet: Sheet) -> Iterable[str]:
    """One table for each rate."""
    yield (
        "## Before judges, at equal bytes\n\nEach image at the setting whose whole file is nearest to the rate. "
        f"{MARK}: its training was held against this judge, which does not judge it."
    )
    for rate in sheet.rates:
        shown = columns(sheet, rate)
        header = ("codec", *(f"{one.heading}{f', {one.unit}' if one.unit else ''}" for one in shown))
        rows = [(line.entrant.title, *(cell.text for cell in line.cells)) for line in lines(sheet, rate)]
        yield f"### {rate:g} bpp\n\n" + _table(header, rows)
    yield "\n".join(
        [
            *(f"- {one.name}: {one.better} is better. {one.blind_to}" for one in sheet.judges),
            *(
                f"- Two halves of the originals have a {name} of {floor:.5f}."
                for name, floor in sheet.floors.items()
            ),
            *(f"- {name} is left out: {reason}." for name, reason in sheet.not_measured.items()),
        ]
    )


def _percent(outcome: BdRate | NoBdRate) -> str:
    return f"{outcome.percent:+.1f} %" if isinstance(outcome, BdRate) else "-"


def _notes(report: RdReport) -> str:
    """Missing numbers, dropped points, codecs and images left out: nothing is silent."""
    notes = [
        note
        for line, *compared in report.comparisons()
        for name, comparison in zip(("PSNR", "MS-SSIM"), compared, strict=True)
        for note in _comparison_notes(f"{line.title}, {name}", comparison)
    ]
    notes += [f"{name} is left out: {reason}." for name, reason in report.left_out.items()]
    if report.judged is None:
        notes.append("LPIPS, DISTS, KD-lite0 and other judges were not asked: `--judge-at 0.25` asks them.")
    notes += [f"Image {key} is left out: {reason}." for key, reason in report.skipped.items()]
    return "\n".join(f"- {note}" for note in notes)


def _comparison_notes(name: str, comparison: BdRates) -> Iterable[str]:
    whole, main = comparison.overlap, comparison.main_range
    if isinstance(whole, NoBdRate):
        yield f"{name}: no BD-rate, {whole.reason}."
        return
    if isinstance(main, NoBdRate):
        yield f"{name}: no BD-rate at {_MAIN}, {main.reason}."
    if whole.dropped_ours:
        yield f"{name}: {whole.dropped_ours} of our points are off the monotone envelope and count for nothing."
    if whole.dropped_other:
        yield f"{name}: {whole.dropped_other} of its points are off the monotone envelope and count for nothing."


def _point_rows(line: Line) -> Iterable[tuple[str, ...]]:
    for point in line.points:
        yield (
            line.title,
            f"{point.quality:g}" if isinstance(point, RatePoint) else "-",
            f"{point.bpp:.3f}",
            f"{24.0 / point.bpp:.1f}x",
            f"{point.psnr_db:.2f}",
            "-" if point.ms_ssim is None else f"{point.ms_ssim:.4f}",
        )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = True) -> str:
    """A Markdown table, padded so that it reads as plain text; numbers stand right, all but the first column."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = ["-" * width for width in widths]
    if numbers:
        rule[1:] = ["-" * (width - 1) + ":" for width in widths[1:]]
    pad = str.rjust if numbers else str.ljust
    return "\n".join(
        f"| {' | '.join([first.ljust(widths[0]), *map(pad, others, widths[1:])])} |"
        for first, *others in (header, rule, *rows)
    )
