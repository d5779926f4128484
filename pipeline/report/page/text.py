"""What the page says without its scripts: headline, sentences and tables, from the report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pipeline.archive.layout import WEIGHTS_FOLDER
from pipeline.report.as_json import DEFINITIONS, storage_json
from pipeline.report.histogram import PERCENTILES
from pipeline.report.learned import HEADINGS, WORDS, learned_rows
from pipeline.report.page.data import HISTOGRAMS, drawn_histogram
from pipeline.report.page.others import comparison_words, diff_words
from pipeline.report.page.shots import shots_of, shots_words
from pipeline.report.phrases import comparison_notes, megabytes, number, tiers, times, usd
from pipeline.report.report import Report
from pipeline.report.size_table import size_rows, verdict
from pipeline.totals import LOW_PSNR_DB, Totals
from pipeline.words import counted

_AXES: Final = {
    "status": "Status",
    "format": "Source format",
    "size": "Size",
    "codec_quality": "Codec and quality",
    "weights": "Weights",
}
_RUNS_SHOWN: Final = 20

Rows = list[tuple[str, ...]]


def page_words(report: Report, *, rows_shown: int) -> dict[str, Any]:
    """The template's `page`."""
    totals = report.aggregate.totals
    percentiles = _percentiles(report)
    shots = list(shots_of(report))
    return {
        "title": f"Tenfold report: {report.aggregate.archive.rstrip('/').rpartition('/')[2]}",
        "heading": "What this archive gained, and what it lost for it",
        "archive": report.aggregate.archive,
        "version": report.aggregate.version,
        "made_at": f"{report.made_at:%Y-%m-%d %H:%M} UTC",
        "tenfold": report.tenfold,
        "counts": f"{counted(totals.images, 'image')}: {tiers(totals)}.",
        "coded": f"{totals.coded:,}",
        "sections": list(_sections(has_pictures=bool(shots), has_learned=bool(report.state.adaptations))),
        "tiles": list(_tiles(report)),
        "sentences": list(_sentences(report)),
        "size_rows": [
            (row.what, f"{row.num_bytes:,}", times(row.ratio_vs_source), times(row.ratio_vs_raw))
            for row in size_rows(totals)
        ],
        "comparison": comparison_words(report),
        "histograms": [
            {
                "name": name,
                "title": title,
                "words": f"Median {number(report.aggregate.histograms[name].percentiles()[50], 3)} {unit}",
            }
            for name, title, unit, _, _ in HISTOGRAMS
            if drawn_histogram(report, name)
        ],
        "percentile_headings": ["", *(_percentile_name(percent) for percent in PERCENTILES)],
        "percentiles": percentiles,
        "pictures": shots,
        "pictures_words": shots_words(shots),
        "table_words": _table_words(report, rows_shown),
        "reasons": [(reason, status, f"{images:,}") for status, reason, images in report.aggregate.reasons],
        "notes": list(comparison_notes(report)),
        "groups": [
            {"title": _AXES[axis], "rows": [_group(group.name, group.totals) for group in groups]}
            for axis, groups in report.aggregate.groups.items()
            if groups
        ],
        "learned": {"words": WORDS, "headings": HEADINGS, "rows": learned_rows(report.state.adaptations)},
        **_storage(report),
        "definitions": DEFINITIONS,
        "other": None if report.diff is None else diff_words(report.diff),
    }


def _sections(*, has_pictures: bool, has_learned: bool) -> Iterator[dict[str, str]]:
    for name, title in (
        ("look", "Look"),
        ("size", "Size"),
        ("quality", "Quality"),
        ("images", "Images"),
        ("reasons", "Kept and failed"),
        ("groups", "By kind"),
        ("learned", "What it has learned"),
        ("cost", "Storage and time"),
        ("definitions", "Definitions"),
    ):
        if (name != "look" or has_pictures) and (name != "learned" or has_learned):
            yield {"id": name, "title": title}


def _tiles(report: Report) -> Iterator[dict[str, str]]:
    totals = report.aggregate.totals
    ours, zipped = totals.ratio_vs_raw, totals.zip_ratio_vs_raw
    weights = report.state.folder_bytes.get(WEIGHTS_FOLDER, 0)
    weights_words = f", beside {megabytes(weights)} of weights, stored once" if weights else ""
    yield {
        "value": times(totals.ratio_vs_source),
        "label": "smaller than your files",
        "note": f"{megabytes(totals.source_bytes)} became {megabytes(totals.payload_bytes)}{weights_words}",
    }
    yield {
        "value": times(ours),
        "label": "smaller than raw pixels",
        "note": f"{number(totals.bpp, 3)} bits per pixel",
    }
    if ours is not None and zipped is not None:
        yield {
            "value": times(ours / zipped),
            "label": "smaller than zip makes them",
            "note": f"zip of the raw pixels: about {zipped:.2f}x",
        }
    if totals.psnr_db is not None:
        ms_ssim = f"MS-SSIM {totals.ms_ssim:.4f}; " if totals.ms_ssim is not None else ""
        worst = (
            f"worst {report.aggregate.worst[0].psnr_db:.2f} dB, {totals.low_psnr:,} under {LOW_PSNR_DB:g}"
            if report.aggregate.worst
            else ""
        )
        yield {"value": f"{totals.psnr_db:.2f} dB", "label": "mean PSNR", "note": ms_ssim + worst}


def _sentences(report: Report) -> Iterator[str]:
    yield verdict(report.aggregate.totals)
    held = report.results
    if held is None:
        return
    multiples = [
        f"{one.method.title} {one.times_ours.value:.2f}"
        for one in held.lossy
        if one.times_ours.value is not None
    ]
    if multiples:
        yield f"For the same PSNR other codecs take, as multiples of our bytes: {', '.join(multiples)}."


def _percentile_name(percent: int) -> str:
    return {0: "least", 50: "median", 100: "most"}.get(percent, f"{percent} %")


def _percentiles(report: Report) -> Rows:
    rows: Rows = []
    for name, title, _, _, digits in HISTOGRAMS:
        found = report.aggregate.histograms[name].percentiles()
        if found:
            rows.append((title, *(number(found[percent], digits) for percent in PERCENTILES)))
    return rows


def _table_words(report: Report, rows_shown: int) -> str:
    images = report.aggregate.totals.images
    where = "every image is in images.parquet beside this page."
    if rows_shown == images:
        return "Every image of the archive. Click a heading, or press Enter on it, to sort."
    return (
        f"{rows_shown:,} of {images:,} images: those of lowest PSNR, and others drawn by chance; {where} "
        "Click a heading, or press Enter on it, to sort."
    )


def _group(name: str, totals: Totals) -> tuple[str, ...]:
    return (
        name,
        f"{totals.images:,}",
        megabytes(totals.source_bytes),
        megabytes(totals.payload_bytes),
        number(totals.bpp, 3),
        times(totals.ratio_vs_source),
        times(totals.ratio_vs_raw),
        number(totals.psnr_db, 2),
        number(totals.ms_ssim, 4),
    )


def _storage(report: Report) -> dict[str, Any]:
    said = storage_json(report.aggregate.totals, report.state, report.usd_per_gb_month)
    price = report.usd_per_gb_month
    runs = report.state.runs
    stages = report.state.stage_seconds
    return {
        "cost_words": f"Everything in the archive takes {megabytes(said['archive_bytes'])}: "
        f"{usd(said['archive_usd_per_month'])} a month at {price:g} USD per GB (10^9 bytes) and month. The source "
        f"files take {megabytes(said['source_bytes'])}: {usd(said['source_usd_per_month'])}. The default price is "
        "the list price of S3 Standard; --price sets yours.",
        "folders": [
            (name, f"{held:,}", usd(held / 1e9 * price)) for name, held in report.state.folder_bytes.items()
        ],
        "runs": [
            (
                one.run,
                f"{one.images:,}",
                f"{one.coded:,}",
                f"{one.images - one.coded - one.failed:,}",
                f"{one.failed:,}",
                f"{one.seconds:,.1f}",
                f"{one.megapixels_per_second:.2f}",
            )
            for one in runs[:_RUNS_SHOWN]
        ],
        "runs_caption": "Runs that added images, the newest first"
        + (f"; the newest {_RUNS_SHOWN} of {len(runs)} read" if len(runs) > _RUNS_SHOWN else ""),
        "stages_words": "Summed over workers, threads and runs: "
        + ", ".join(f"{name} {value:.1f} s" for name, value in stages.items()),
        "packages": ", ".join(f"{name} {version}" for name, version in runs[0].packages.items())
        if runs
        else "",
    }
