"""What the page says without its scripts: headline, sentences and tables, from the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline.report.beside import Beside
from pipeline.report.markdown import beside_sentence, count, gain, inside, number, times, usd
from pipeline.report.numbers import DEFINITIONS, contest_json, storage_json
from pipeline.report.page_data import HISTOGRAMS
from pipeline.report.pictures import Pictures
from pipeline.report.report import Report
from pipeline.report.sizes import comparison, verdict
from pipeline.report.spread import PERCENTILES
from pipeline.totals import Totals

_AXES: Final = {
    "status": "Status",
    "format": "Source format",
    "size": "Size",
    "codec_quality": "Codec and quality",
}
_RUNS_SHOWN: Final = 20
_SMALL: Final = 512

Rows = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One image to look at."""

    key: str
    label: str
    words: str
    pictures: Pictures

    @property
    def enlarged(self) -> int:
        """How many times the largest size at which a small one is shown."""
        return max(1, min(4, _SMALL // self.pictures.width))


def page_words(report: Report, *, rows_shown: int) -> dict[str, Any]:
    """The template's `page`."""
    totals = report.fold.totals
    percentiles = _percentiles(report)
    shots = list(_shots(report))
    return {
        "title": f"Tenfold report: {report.fold.archive.rstrip('/').rpartition('/')[2]}",
        "heading": "What this archive gained, and what it lost for it",
        "archive": report.fold.archive,
        "version": report.fold.version,
        "made_at": f"{report.made_at:%Y-%m-%d %H:%M} UTC",
        "tenfold": report.tenfold,
        "counts": f"{totals.images:,} images: {totals.coded:,} coded, {totals.kept:,} kept as they were, "
        f"{totals.failed:,} failed.",
        "coded": f"{totals.coded:,}",
        "sections": list(_sections(bool(shots))),
        "tiles": list(_tiles(report)),
        "sentences": list(_sentences(report)),
        "size_rows": [
            (row.what, f"{row.num_bytes:,}", times(row.ratio_vs_raw), times(row.ratio_vs_source))
            for row in comparison(totals)
        ],
        "contest": _contest(report),
        "histograms": [
            {
                "name": name,
                "title": title,
                "words": f"Median {number(report.fold.spreads[name].percentiles()[50], 3)} {unit}",
            }
            for name, title, unit, _, _ in HISTOGRAMS
            if report.fold.spreads[name].count
        ],
        "percentile_headings": ["", *(_percentile_name(percent) for percent in PERCENTILES)],
        "percentiles": percentiles,
        "pictures": shots,
        "pictures_words": _pictures_words(report, shots),
        "table_words": _table_words(report, rows_shown),
        "reasons": [(reason, status, f"{images:,}") for status, reason, images in report.fold.reasons],
        "notes": list(_notes(report)),
        "groups": [
            {"title": _AXES[axis], "rows": [_group(group.name, group.totals) for group in groups]}
            for axis, groups in report.fold.groups.items()
            if groups
        ],
        **_storage(report),
        "definitions": DEFINITIONS,
        "other": None if report.beside is None else _beside(report.beside),
    }


def _sections(has_pictures: bool) -> Iterator[dict[str, str]]:
    for name, title in (
        ("size", "Size"),
        ("quality", "Quality"),
        ("look", "Look"),
        ("images", "Images"),
        ("reasons", "Kept and failed"),
        ("groups", "By kind"),
        ("cost", "Storage and time"),
        ("definitions", "Definitions"),
    ):
        if name != "look" or has_pictures:
            yield {"id": name, "title": title}


def _tiles(report: Report) -> Iterator[dict[str, str]]:
    totals = report.fold.totals
    ours, zipped = totals.ratio_vs_raw, totals.zip_ratio_vs_raw
    yield {
        "value": times(ours),
        "label": "smaller than raw pixels",
        "note": f"{number(totals.bpp, 3)} bits per pixel",
    }
    if ours is not None and zipped is not None:
        yield {
            "value": times(ours / zipped),
            "label": "smaller than zip makes them",
            "note": f"zip of the raw pixels: {zipped:.2f}x",
        }
    yield {
        "value": times(totals.ratio_vs_source),
        "label": "smaller than the source files",
        "note": f"{megabytes(totals.source_bytes)} became {megabytes(totals.payload_bytes)}",
    }
    if totals.psnr_db is not None:
        ms_ssim = f"MS-SSIM {totals.ms_ssim:.4f}; " if totals.ms_ssim is not None else ""
        worst = f"worst {report.fold.worst[0].psnr_db:.2f} dB" if report.fold.worst else ""
        yield {"value": f"{totals.psnr_db:.2f} dB", "label": "mean PSNR", "note": ms_ssim + worst}


def _sentences(report: Report) -> Iterator[str]:
    yield verdict(report.fold.totals)
    held = report.standings
    if held is None:
        return
    told = [
        f"{one.contestant.title} {one.times_ours.value:.2f}"
        for one in held.lossy
        if one.times_ours.value is not None
    ]
    if told:
        yield f"For the same PSNR other codecs take, as multiples of our bytes: {', '.join(told)}."


def _contest(report: Report) -> dict[str, Any] | None:
    contest, held = report.contest, report.standings
    if contest is None or held is None:
        return None
    ours = held.ours
    images = report.fold.totals.coded + report.fold.totals.kept
    drawn = f", drawn with seed {report.sampling.seed}" if contest.drawn < images else ""
    missing = contest.drawn - len(contest.entries)
    absent = f" {missing:,} more could not be (see below)." if missing else ""
    return {
        "words": f"{len(contest.entries):,} of the {images:,} stored images{drawn}, were read again from their source "
        f"and stored in other ways.{absent}",
        "lossless": [
            (
                one.contestant.title,
                times(one.ratio_vs_raw),
                times(one.times_ours),
                f"{one.images:,}",
                one.contestant.settings,
                one.contestant.library,
            )
            for one in held.lossless
        ],
        "sizes_words": "; ".join(
            f"{one.contestant.title} {times(one.ratio_vs_raw)}" for one in held.lossless
        ),
        "lossy": [
            (one.contestant.title, gain(one.psnr_gain_db), times(one.times_ours.value), inside(one))
            for one in held.lossy
        ],
        "lossy_libraries": [
            (one.contestant.title, f"{one.images:,}", one.contestant.settings, one.contestant.library)
            for one in held.lossy
        ],
        "curves_words": "PSNR over bits per pixel, one curve a codec; this archive is one point"
        + (f" at {ours.bpp:.3f} bpp and {number(ours.psnr_db, 2)} dB" if ours is not None else ""),
        "ours_words": _ours_words(report),
        "outside_words": "Inside are the images whose rate, or PSNR, lies between a codec's measured points: the "
        "others are not guessed at.",
    }


def _ours_words(report: Report) -> str:
    ours = report.standings.ours if report.standings is not None else None
    if ours is None:
        return "No coded image could be compared."
    scores = [f"{ours.bpp:.3f} bpp", f"PSNR {number(ours.psnr_db, 2)} dB", f"SSIM {number(ours.ssim, 4)}"]
    if ours.ms_ssim is not None:
        scores.append(f"MS-SSIM {ours.ms_ssim:.4f}")
    if ours.ssimulacra2 is not None:
        scores.append(f"SSIMULACRA2 {ours.ssimulacra2:.1f} over {ours.ssimulacra2_images:,} images")
    return f"This archive on the same {ours.images:,} coded images: {', '.join(scores)}."


def _percentile_name(percent: int) -> str:
    return {0: "least", 50: "median", 100: "most"}.get(percent, f"{percent} %")


def _percentiles(report: Report) -> Rows:
    rows: Rows = []
    for name, title, _, _, digits in HISTOGRAMS:
        found = report.fold.spreads[name].percentiles()
        if found:
            rows.append((title, *(number(found[percent], digits) for percent in PERCENTILES)))
    return rows


def _shots(report: Report) -> Iterator[Shot]:
    if report.contest is None:
        return
    by_key = report.contest.pictures
    facts = {row["key"]: row for row in report.fold.shown.to_pylist()}
    for what, keys in (("Worst", report.worst_pictured), ("Median", report.median_pictured)):
        for rank, key in enumerate(keys, 1):
            if key not in by_key or key not in facts:
                continue
            shown, row = by_key[key], facts[key]
            label = f"{what} {rank}: {row['psnr_db']:.2f} dB, {24 / row['bpp']:.1f}x"
            yield Shot(key=key, label=label, words=_shot_words(row, shown), pictures=shown)


def _shot_words(row: dict[str, Any], shown: Pictures) -> str:
    words = f"{row['psnr_db']:.2f} dB PSNR"
    if row["ms_ssim"] is not None:
        words += f", MS-SSIM {row['ms_ssim']:.4f}"
    words += (
        f", {row['bpp']:.3f} bpp: {row['source_size']:,} bytes of file, {row['payload_length']:,} of payload."
    )
    if not shown.is_whole:
        where = "where its error is largest" if shown.original is not None else "its middle"
        words += (
            f" A piece of its {row['width']} x {row['height']} pixels, {where}: {shown.left} from the left, "
            f"{shown.top} from the top."
        )
    if shown.original is None:
        words += " Its source could not be read, so there is nothing to hold it against."
    return words


def _pictures_words(report: Report, shots: Sequence[Shot]) -> str:
    if not shots:
        return ""
    amplified = shots[0].pictures.amplified
    return (
        "The images of lowest PSNR, and some in the middle. The slider has the original on the left and the decoded "
        f"image on the right; arrow keys move it. The difference is shown {amplified} times as strong, around grey. "
        "Shown as WebP of high quality, pixel for pixel; large images as a piece."
    )


def _table_words(report: Report, rows_shown: int) -> str:
    images = report.fold.totals.images
    where = "every image is in images.parquet beside this page."
    if rows_shown == images:
        return "Every image of the archive. Click a heading, or press Enter on it, to sort."
    return (
        f"{rows_shown:,} of {images:,} images: those of lowest PSNR, and others drawn by chance; {where} "
        "Click a heading, or press Enter on it, to sort."
    )


def _notes(report: Report) -> Iterator[str]:
    contest = report.contest
    if contest is None:
        yield (
            "No image was compared: --sample 0 reads the catalogue alone."
            if not report.wants_contest
            else "The images have not been compared yet."
        )
        return
    for what, why in contest.left_out.items():
        yield f"{what}: {why}."
    said = contest_json(report) or {}
    for why, images in said["absent"].items():
        yield f"{count(images, 'image')} took no part: {why}."
    titles = {one.id: one.title for one in contest.contestants}
    for one in said["refused"]:
        title = titles.get(one["contestant"], one["contestant"])
        yield f"{title} could not take {count(one['images'], 'image')}: {one['reason']}."
    if contest.not_cached is not None:
        yield (
            "What was measured could not be kept in the archive, so the next report measures again: "
            f"{contest.not_cached}"
        )


def _group(name: str, totals: Totals) -> tuple[str, ...]:
    return (
        name,
        f"{totals.images:,}",
        megabytes(totals.source_bytes),
        megabytes(totals.payload_bytes),
        number(totals.bpp, 3),
        times(totals.ratio_vs_raw),
        times(totals.ratio_vs_source),
        number(totals.psnr_db, 2),
        number(totals.ms_ssim, 4),
    )


def _beside(beside: Beside) -> dict[str, Any]:
    here, there = beside.this, beside.other
    return {
        "words": beside_sentence(beside),
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
            for what, totals in (("this archive", here), (beside.other_archive, there))
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
            for one in beside.differing
        ],
    }


def _storage(report: Report) -> dict[str, Any]:
    said = storage_json(report.fold.totals, report.holdings, report.usd_per_gb_month)
    price = report.usd_per_gb_month
    runs = report.holdings.runs
    stages = report.holdings.stage_seconds
    return {
        "cost_words": f"Everything in the archive takes {megabytes(said['archive_bytes'])}: "
        f"{usd(said['archive_usd_per_month'])} a month at {price:g} USD per GB (10^9 bytes) and month. The source "
        f"files take {megabytes(said['source_bytes'])}: {usd(said['source_usd_per_month'])}. The default price is "
        "the list price of S3 Standard; --price sets yours.",
        "folders": [
            (name, f"{held:,}", usd(held / 1e9 * price))
            for name, held in report.holdings.folder_bytes.items()
        ],
        "runs": [
            (
                one.run,
                f"{one.images:,}",
                f"{one.coded:,}",
                f"{one.kept:,}",
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


def megabytes(num_bytes: int) -> str:
    """A size for a person; MB is 10^6 bytes."""
    if not num_bytes:
        return "-"
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if num_bytes >= size:
            return f"{num_bytes / size:.2f} {unit}"
    return f"{num_bytes / 1e3:.1f} kB"
