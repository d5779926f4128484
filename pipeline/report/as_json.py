"""The report as plain values: report.json, and what the page draws from. Null where there is nothing to divide."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict
from typing import Any, Final

from pipeline.report.aggregate import in_general
from pipeline.report.archive_diff import ArchiveDiff
from pipeline.report.archive_state import ArchiveState
from pipeline.report.comparison.results import ComparisonResults, LossyResult, Ours
from pipeline.report.comparison.run import Comparison
from pipeline.report.report import Report
from pipeline.report.size_table import size_rows
from pipeline.totals import STATUSES, Totals

_MOST_REASONS: Final = 50
DEFINITIONS: Final = {
    "raw": "24-bit RGB: 3 bytes a pixel, of all stored images; a kept image whose pixels were never decoded counts "
    "as its file. Failed images hold nothing and are in no size.",
    "ratio": "Raw bytes, or the source files' bytes, over payload bytes: what the codec wrote for an image. Larger is "
    "smaller.",
    "bpp": "Bits per pixel: payload bits over the pixels of the original. In sums a kept image whose pixels were never "
    "decoded has a pixel for every 3 bytes of its file, as under raw.",
    "zip": "Deflate. Over the whole archive at zlib level 6, as zip does by default; in the comparison at level 9.",
    "PSNR": "Peak signal-to-noise ratio over RGB of decoded 8-bit pixels, per image; means are over images. 30 dB "
    "shows its losses, 40 dB hardly does.",
    "SSIM, MS-SSIM": "Structural similarity at one scale and at five, mean over RGB; 1 is identical. Images under 161 "
    "pixels on a side have no MS-SSIM.",
    "SSIMULACRA2": "A measure fitted to people's judgement: 100 is identical, 90 nobody tells apart, 70 high quality, "
    "50 medium. Of pictures over 4 megapixels, their middle.",
    "LPIPS": "How far apart a network that classifies pictures (AlexNet) sees original and decoded, weighted by what "
    "people said; 0 is identical, lower is better. Of pictures over 4 megapixels, their middle.",
    "DISTS": "How unlike texture and structure of the two are, as VGG16 sees them at a short side of 256 pixels; 0 is "
    "identical, lower is better.",
    "KD-lite0": "How unlike the decoded images, as a set, are to the originals, in what EfficientNet-Lite0 sees in "
    "windows of 128 pixels; 0 is alike, lower is better. Its floor is what two halves of the originals give. It is "
    "neither FID nor KID, whose network is another.",
    "blockiness": "How much more the picture steps at the edges of blocks of 8 and 16 pixels than beside them, over "
    "the same of the original; 1 adds no blocks, lower is better.",
    "spectral peaks": "The highest power at multiples of 1/8 cycles a pixel over that of its neighbours, over the same "
    "of the original; 1 adds no regular pattern, lower is better.",
    "Canny edges": "Whether outlines lie where they did, within a pixel: F1 of the edges of both; 1 is alike, higher "
    "is better.",
    "ORB matches": "The share of the original's keypoints that are known again within 2 pixels of their place; higher "
    "is better.",
    "at our rate": "What PSNR another codec reaches with as many bits as we took, per image, between the points it was "
    "measured at, linear over the logarithm of the rate. Where our rate lies beyond its points the image is "
    "counted as outside, and nothing is extrapolated.",
    "at our quality": "How many bytes another codec takes to reach the PSNR that our image has; all its bytes over all "
    "of ours. Above 1, ours is smaller. Outside as above.",
}


def report_json(report: Report) -> dict[str, Any]:
    """Everything but the rows of single images, which are in images.parquet."""
    aggregate = report.aggregate
    return {
        "archive": aggregate.archive,
        "catalogue_version": aggregate.version,
        "made_at": report.made_at.isoformat(timespec="seconds"),
        "tenfold": report.tenfold,
        "definitions": DEFINITIONS,
        "all": totals_json(aggregate.totals),
        "sizes": [asdict(row) for row in size_rows(aggregate.totals)],
        "groups": {
            axis: [{"name": group.name, **totals_json(group.totals)} for group in groups]
            for axis, groups in aggregate.groups.items()
        },
        "percentiles": {name: histogram.percentiles() for name, histogram in aggregate.histograms.items()},
        "histograms": {
            name: [asdict(bar) for bar in histogram.bars()]
            for name, histogram in aggregate.histograms.items()
        },
        "reasons": [
            {"status": status, "reason": reason, "images": images}
            for status, reason, images in aggregate.reasons
        ],
        "worst": [asdict(one) for one in aggregate.worst],
        "storage": storage_json(aggregate.totals, report.state, report.usd_per_gb_month),
        "runs": {
            "newest": [asdict(run) for run in report.state.runs],
            "not_read": report.state.older_runs,
            "stage_seconds": report.state.stage_seconds,
        },
        "adaptations": [asdict(record) for record in report.state.adaptations],
        "contest": comparison_json(report),
        "beside": None if report.diff is None else diff_json(report.diff),
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
    sums = ("images", *STATUSES, "damaged", "pixels", "source_bytes", "payload_bytes")
    zips = ("zip_bytes", "zip_source_bytes")
    return {name: getattr(totals, name) for name in (*sums, *zips, *derived)}


def storage_json(totals: Totals, state: ArchiveState, usd_per_gb_month: float) -> dict[str, Any]:
    """Bytes that lie there, and what they cost a month; GB means 10^9 bytes."""

    def usd(num_bytes: int) -> float:
        return num_bytes / 1e9 * usd_per_gb_month

    return {
        "usd_per_gb_month": usd_per_gb_month,
        "archive_bytes": state.archive_bytes,
        "archive_bytes_by_folder": state.folder_bytes,
        "source_bytes": totals.source_bytes,
        "archive_usd_per_month": usd(state.archive_bytes),
        "source_usd_per_month": usd(totals.source_bytes),
    }


def diff_json(diff: ArchiveDiff) -> dict[str, Any]:
    """Both archives over the images that both hold."""
    return {
        "other_archive": diff.other_archive,
        "images": diff.images,
        "changed": diff.changed,
        "this": totals_json(diff.this),
        "other": totals_json(diff.other),
        "psnr_difference_db_percentiles": diff.psnr_difference_db.percentiles(),
        "bytes_ratio_percentiles": diff.bytes_ratio.percentiles(),
        "differing": [asdict(one) for one in diff.differing],
    }


def comparison_json(report: Report) -> dict[str, Any] | None:
    """The comparison; None when none was held."""
    comparison, held = report.comparison, report.results
    if comparison is None or held is None:
        return None
    return {
        "seed": report.sampling.seed,
        "drawn": comparison.drawn,
        "compared": len(comparison.entries),
        "from_cache": comparison.from_cache,
        "seconds": comparison.seconds,
        "not_cached": comparison.not_cached,
        "left_out": comparison.left_out,
        "absent": dict(Counter(map(in_general, comparison.absent.values())).most_common(_MOST_REASONS)),
        "refused": _refused(comparison),
        "contestants": [asdict(one) for one in comparison.methods],
        **_results_json(held),
    }


def _refused(comparison: Comparison) -> list[dict[str, Any]]:
    """Images that one method could not take, by method and reason."""
    counts = Counter((name, reason) for entry in comparison.entries for name, reason in entry.refused.items())
    return [
        {"contestant": name, "reason": reason, "images": images}
        for (name, reason), images in counts.most_common(_MOST_REASONS)
    ]


def _results_json(held: ComparisonResults) -> dict[str, Any]:
    return {
        "ours": None if held.ours is None else _ours_json(held.ours),
        "lossless": [
            {
                "id": one.method.id,
                "title": one.method.title,
                "settings": one.method.settings,
                "library": one.method.library,
                "images": one.images,
                "num_bytes": one.num_bytes,
                "raw_bytes": one.raw_bytes,
                "source_bytes": one.source_bytes,
                "payload_bytes": one.payload_bytes,
                "ratio_vs_raw": one.ratio_vs_raw,
                "times_ours": one.times_ours,
            }
            for one in held.lossless
        ],
        "lossy": [_lossy_json(one) for one in held.lossy],
        "given_back": held.given_back,
    }


def _ours_json(ours: Ours) -> dict[str, Any]:
    """SSIMULACRA2 has keys of its own, too: scripts know it by them."""
    ssimulacra2 = next((one for one in ours.judged if one.id == "ssimulacra2"), None)
    return asdict(ours) | {
        "ssimulacra2": None if ssimulacra2 is None else ssimulacra2.value,
        "ssimulacra2_images": 0 if ssimulacra2 is None else ssimulacra2.images,
    }


def _lossy_json(one: LossyResult) -> dict[str, Any]:
    points = [asdict(point) for point in one.points]
    for point in points:
        point["bpp"] = 24 / point["ratio"]  # all bits over all pixels, as ours
        point["psnr_db"] = point["psnr_db"] if math.isfinite(point["psnr_db"]) else None
    return {
        "id": one.method.id,
        "title": one.method.title,
        "settings": one.method.settings,
        "library": one.method.library,
        "images": one.images,
        "psnr_gain_db": asdict(one.psnr_gain_db),
        "times_ours": asdict(one.times_ours),
        "points": points,
    }
