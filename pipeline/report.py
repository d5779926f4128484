"""What was gained: an archive's catalogue rows folded into one report, as JSON, Markdown or a table.

Only the catalogue is read. Zip means deflate (zlib level 6), on the raw 24-bit pixels and on the source files.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalogue import Catalogue
from pipeline.errors import ArchiveError
from pipeline.totals import COLUMNS, Totals

_MAX_REASONS = 20
_PERCENTILES = (0, 5, 25, 50, 75, 95, 100)
_WORST = 10
_PARENTHESIS = re.compile(r" \([^)]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The images of one codec at one quality, or all kept images."""

    name: str
    totals: Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """An image at the bottom of the PSNR list."""

    key: str
    psnr_db: float
    ms_ssim: float | None
    bpp: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the three forms show."""

    archive: str
    version: int
    """Version of the catalogue that was read."""
    totals: Totals
    groups: list[Group]
    reasons: list[tuple[str, str, int]]
    """(status, reason, images), the most frequent first."""
    psnr_percentiles: dict[int, float]
    ratio_percentiles: dict[int, float]
    """Of the coded images, against raw."""
    worst: list[Worst]


def make_report(catalogue: Catalogue, *, url: str) -> Report:
    """Fold the catalogue, in one pass and bounded memory (two numbers an image are held for percentiles).

    Raises:
        NoArchiveError: there is no archive.
        ArchiveError: it holds no image.
    """
    version = catalogue.version()
    totals = Totals()
    by_group: dict[str, Totals] = defaultdict(Totals)
    reasons: Counter[tuple[str, str]] = Counter()
    psnr: list[np.ndarray] = []
    rates: list[np.ndarray] = []
    worst: list[Worst] = []
    columns = [*COLUMNS, "key", "reason", "codec", "quality", "bpp"]
    for batch in catalogue.scan(columns):
        rows = pa.table(batch) if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
        totals += Totals.of(rows)
        for name, part in _groups(rows):
            by_group[name] += Totals.of(part)
        reasons.update(_reasons(rows))
        coded = rows.filter(pc.equal(rows["status"], "coded"))
        psnr.append(coded["psnr_db"].drop_null().to_numpy())
        rates.append(coded["bpp"].to_numpy())
        worst = _worst([*worst, *_measured(coded)])
    if not totals.images:
        raise ArchiveError(
            f"Expected images in the archive at {url}, got none yet; `tenfold compress` adds some."
        )
    return Report(
        archive=url,
        version=version,
        totals=totals,
        groups=[Group(name=name, totals=by_group[name]) for name in sorted(by_group)],
        reasons=[(status, reason, n) for (status, reason), n in reasons.most_common(_MAX_REASONS)],
        psnr_percentiles=_percentiles(psnr),
        ratio_percentiles=_percentiles([24 / rate for rate in rates]),
        worst=worst,
    )


def report_json(report: Report) -> dict[str, Any]:
    """The report as plain values; ratios are null where there is nothing to divide."""
    return {
        "archive": report.archive,
        "catalogue_version": report.version,
        "definitions": {
            "raw": "24-bit RGB: 3 bytes a pixel, of coded and kept images",
            "ratio": "over payload bytes",
            "bpp": "payload bits over original pixels",
            "zip": "deflate, zlib level 6",
            "psnr_db": "RGB, per image on decoded 8-bit pixels, mean over coded images",
        },
        "all": totals_json(report.totals),
        "groups": [{"name": group.name, **totals_json(group.totals)} for group in report.groups],
        "psnr_db_percentiles": report.psnr_percentiles,
        "ratio_vs_raw_percentiles": report.ratio_percentiles,
        "reasons": [
            {"status": status, "reason": reason, "images": images}
            for status, reason, images in report.reasons
        ],
        "worst": [asdict(one) for one in report.worst],
    }


def totals_json(totals: Totals) -> dict[str, Any]:
    """Sums and the ratios derived from them."""
    derived = (
        "raw_bytes",
        "bpp",
        "coded_bpp",
        "ratio_vs_raw",
        "ratio_vs_source",
        "zip_ratio_vs_raw",
        "zip_ratio_vs_source",
        "psnr_db",
        "ms_ssim",
    )
    sums = ("images", "coded", "kept", "failed", "pixels", "source_bytes", "payload_bytes")
    zips = ("zip_bytes", "zip_source_bytes")
    return {name: getattr(totals, name) for name in (*sums, *zips, *derived)}


def comparison(totals: Totals) -> list[tuple[str, int, float | None, float | None]]:
    """Rows of (what, bytes, ratio against raw, ratio against the source files), largest first."""

    def row(what: str, held: int, pixels: int) -> tuple[str, int, float | None, float | None]:
        complete = pixels == totals.pixels
        return (
            what,
            held,
            3 * pixels / held if held else None,
            totals.source_bytes / held if held and complete else None,
        )

    partly = "" if totals.zipped_pixels == totals.pixels else " (decodable images only)"
    return [
        row("raw 24-bit pixels", totals.raw_bytes, totals.pixels),
        row(f"zip of the raw pixels{partly}", totals.zip_bytes, totals.zipped_pixels),
        row("source files", totals.source_bytes, totals.pixels),
        row("zip of the source files", totals.zip_source_bytes, totals.pixels),
        row("this archive's payloads", totals.payload_bytes, totals.pixels),
    ]


def report_markdown(report: Report) -> str:
    """The report for a person, as GitHub Markdown."""
    totals = report.totals
    lines = [
        f"# Archive report: {report.archive}",
        "",
        f"{totals.images:,} images: {totals.coded:,} coded, {totals.kept:,} kept as they were, "
        f"{totals.failed:,} failed. Catalogue version {report.version}.",
        "",
        "## Size",
        "",
        "| | bytes | against raw | against source files |",
        "|---|---:|---:|---:|",
        *(
            f"| {what} | {held:,} | {_x(raw)} | {_x(source)} |"
            for what, held, raw, source in comparison(totals)
        ),
        "",
        verdict(totals),
        "",
        "## Quality of the coded images",
        "",
        "| codec and quality | images | bpp | against raw | PSNR, dB | MS-SSIM |",
        "|---|---:|---:|---:|---:|---:|",
        *(
            f"| {group.name} | {group.totals.images:,} | {_n(group.totals.bpp, 3)} | "
            f"{_x(group.totals.ratio_vs_raw)} | {_n(group.totals.psnr_db, 2)} | {_n(group.totals.ms_ssim, 4)} |"
            for group in report.groups
        ),
        "",
    ]
    if report.psnr_percentiles:
        lines += [
            "| percentile | " + " | ".join(f"{p} %" for p in _PERCENTILES) + " |",
            "|---" + "|---:" * len(_PERCENTILES) + "|",
            "| PSNR, dB | " + " | ".join(_n(report.psnr_percentiles[p], 2) for p in _PERCENTILES) + " |",
            "| against raw | " + " | ".join(_x(report.ratio_percentiles[p]) for p in _PERCENTILES) + " |",
            "",
            "## Where it is worst",
            "",
            "| key | PSNR, dB | MS-SSIM | bpp |",
            "|---|---:|---:|---:|",
            *(
                f"| {_cell(one.key)} | {one.psnr_db:.2f} | {_n(one.ms_ssim, 4)} | {one.bpp:.3f} |"
                for one in report.worst
            ),
            "",
        ]
    if report.reasons:
        lines += ["## Kept and failed", "", "| status | reason | images |", "|---|---|---:|"]
        lines += [f"| {status} | {_cell(reason)} | {n:,} |" for status, reason, n in report.reasons]
        lines.append("")
    lines += [
        "Raw is 24-bit RGB; ratios are over payload bytes; zip is deflate (zlib level 6); PSNR is RGB on decoded "
        "8-bit pixels, mean over images. Failed images hold nothing and are in no size.",
        "",
    ]
    return "\n".join(lines)


def verdict(totals: Totals) -> str:
    """One honest sentence: what zip got, what this archive got, and where it loses."""
    ours, zipped = totals.ratio_vs_raw, totals.zip_ratio_vs_raw
    if ours is None or zipped is None:
        return "Nothing to compare with zip: no image's pixels were decoded."
    sentence = (
        f"Zip makes these pixels {zipped:.2f}x smaller, this archive {ours:.1f}x: {ours / zipped:.1f} times zip. "
        "Zip is lossless, this archive is not."
    )
    against = totals.ratio_vs_source
    if against is not None and against < 1:
        sentence += f" It is larger than the source files ({against:.2f}x)."
    return sentence


def _groups(rows: pa.Table) -> Iterable[tuple[str, pa.Table]]:
    stored = rows.filter(pc.not_equal(rows["status"], "failed"))
    pairs = zip(stored["codec"].to_pylist(), stored["quality"].to_pylist(), strict=True)
    names = pa.array(
        ["kept" if codec is None else f"{codec} q{quality}" for codec, quality in pairs], pa.string()
    )
    for name in pc.unique(names).to_pylist():
        yield name, stored.filter(pc.equal(names, name))


def _reasons(rows: pa.Table) -> Iterable[tuple[str, str]]:
    told = rows.filter(pc.is_valid(rows["reason"]))
    for status, reason in zip(told["status"].to_pylist(), told["reason"].to_pylist(), strict=True):
        yield status, _in_general(reason)


def _in_general(reason: str) -> str:
    """Reasons that differ only in a parenthesis (sizes, counts) count as one."""
    return _PARENTHESIS.sub("", reason)


def _measured(coded: pa.Table) -> list[Worst]:
    has = coded.filter(pc.is_valid(coded["psnr_db"]))
    lowest = has.take(
        pc.select_k_unstable(has, k=min(_WORST, len(has)), sort_keys=[("psnr_db", "ascending")])
    )
    return [
        Worst(key=row["key"], psnr_db=row["psnr_db"], ms_ssim=row["ms_ssim"], bpp=row["bpp"])
        for row in lowest.select(["key", "psnr_db", "ms_ssim", "bpp"]).to_pylist()
    ]


def _worst(candidates: list[Worst]) -> list[Worst]:
    return sorted(candidates, key=lambda one: one.psnr_db)[:_WORST]


def _percentiles(parts: list[np.ndarray]) -> dict[int, float]:
    values = np.concatenate(parts) if parts else np.empty(0)
    if not len(values):
        return {}
    return dict(zip(_PERCENTILES, map(float, np.percentile(values, _PERCENTILES)), strict=True))


def _x(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}x" if value < 10 else f"{value:.1f}x"


def _n(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
