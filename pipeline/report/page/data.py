"""What the page's scripts draw from: curves, bars and the table's rows, as JSON inside the page."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from markupsafe import Markup

from pipeline.report.aggregate import IMAGE_COLUMNS
from pipeline.report.as_json import comparison_json
from pipeline.report.report import Report

HISTOGRAMS: Final = (
    ("ratio", "Times smaller than raw pixels", "times, logarithmic", 3, 1),
    ("psnr_db", "PSNR", "dB", 4, 2),
    ("bpp", "Bits per pixel", "bpp, logarithmic", 3, 3),
    ("ms_ssim", "MS-SSIM", "1 is identical", 5, 4),
)
"""Name, title, unit, digits that tell two edges apart, and digits after the point."""
_LEAST_FOR_HISTOGRAM: Final = 30
"""Of fewer images a histogram shows chance."""
_TABLE_BYTES: Final = 1_200_000
_TABLE_COLUMNS: Final = tuple(
    name
    for name in IMAGE_COLUMNS
    if name
    not in (
        "damaged",
        "packing",
        "same_as_row",
        "lost_shard",
        "weights",
        "zip_bytes",
        "zip_source_bytes",
        "run",
    )
)


def page_data(report: Report) -> dict[str, Any]:
    """Everything for the scripts."""
    rows = table_rows(report)
    return {
        "comparison": comparison_json(report),
        "sizes": size_bars(report),
        "histograms": [
            {"name": name, "unit": unit, "digits": digits, "bars": [asdict(bar) for bar in bars]}
            for name, _, unit, digits, _ in HISTOGRAMS
            if drawn_histogram(report, name) and (bars := report.aggregate.histograms[name].bars())
        ],
        "stages": report.state.stage_seconds,
        "thumbnails": _thumbnails(report),
        "images": {"columns": [*_TABLE_COLUMNS, "ratio"], "rows": rows},
    }


def drawn_histogram(report: Report, name: str) -> bool:
    """Whether a spread is drawn: its percentiles are told in any case."""
    return report.aggregate.histograms[name].count >= _LEAST_FOR_HISTOGRAM


def _thumbnails(report: Report) -> dict[str, str]:
    """By key, of the images that have pictures."""
    pictures = {} if report.comparison is None else report.comparison.pictures
    return {key: one.thumbnail for key, one in pictures.items()}


def inlined(data: object) -> Markup:
    """JSON for inside a script element: no text from an archive can end it or begin a comment."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def size_bars(report: Report) -> list[dict[str, Any]]:
    """Per cent of raw of each way to store without loss, and of this archive, over the images of the comparison."""
    held = report.results
    if held is None or not held.lossless:
        return []
    first = max(held.lossless, key=lambda one: one.images)
    rows = [(one.method.title, 100 * one.num_bytes / one.raw_bytes) for one in held.lossless]
    rows.append(("the source files", 100 * first.source_bytes / first.raw_bytes))
    ours = {"title": "this archive", "percent": 100 * first.payload_bytes / first.raw_bytes, "ours": True}
    others = sorted(rows, key=lambda row: row[1], reverse=True)
    return [*({"title": title, "percent": percent, "ours": False} for title, percent in others), ours]


def table_rows(report: Report) -> list[list[Any]]:
    """The table's rows, as many as fit; a long archive is sampled already."""
    rows: list[list[Any]] = []
    room = _TABLE_BYTES
    shown = report.aggregate.shown
    for row in shown.select([*_TABLE_COLUMNS, "zip_bytes"]).to_pylist():
        held, seen = row["payload_length"], row.pop("zip_bytes") is not None
        raw = 3 * row["width"] * row["height"] if seen else row["source_size"]  # as `Totals` counts
        for name, digits in (("bpp", 4), ("psnr_db", 3), ("ms_ssim", 5)):
            row[name] = None if row[name] is None else round(row[name], digits)
        ratio = round(raw / held, 3) if held and raw else None
        values = [*row.values(), ratio]
        room -= len(inlined(values))  # escaped: a key may grow sixfold
        if room < 0:
            break
        rows.append(values)
    return rows
