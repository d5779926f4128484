"""The images to look at, on the page: the worst and some in the middle, and what is said of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline.report.comparison.crops import Pictures
from pipeline.report.report import Report

_SMALL: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class PageShot:
    """One image to look at."""

    key: str
    label: str
    words: str
    pictures: Pictures

    @property
    def enlarged(self) -> int:
        """How many times the largest size at which a small one is shown."""
        return max(1, min(4, _SMALL // self.pictures.width))


def shots_of(report: Report) -> Iterator[PageShot]:
    """Those that have pictures, the worst first."""
    if report.comparison is None:
        return
    by_key = report.comparison.pictures
    facts = {row["key"]: row for row in report.aggregate.shown.to_pylist()}
    for what, keys in (("Worst", report.worst_pictured), ("Median", report.median_pictured)):
        for rank, key in enumerate(keys, 1):
            if key not in by_key or key not in facts:
                continue
            shown, row = by_key[key], facts[key]
            label = f"{what} {rank}: {row['psnr_db']:.2f} dB, {24 / row['bpp']:.1f}x"
            yield PageShot(key=key, label=label, words=_shot_words(row, shown), pictures=shown)


def shots_words(shots: Sequence[PageShot]) -> str:
    """How to look at them."""
    if not shots:
        return ""
    amplified = shots[0].pictures.amplified
    return (
        "The images of lowest PSNR, and some in the middle. The slider has the original on the left and the decoded "
        f"image on the right; arrow keys move it. The difference is shown {amplified} times as strong, around grey. "
        "Shown pixel for pixel, as WebP files that lose a little themselves; large images as a piece."
    )


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
