"""What `tenfold bench rd` found, as one value and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from codec.bench.comparison import BdRates, compare_curves
from codec.bench.kodak import PublishedPoint
from codec.bench.measure import RatePoint
from codec.bench.zoo.sheet import Sheet
from codec.bench.zoo.sheet import to_json as sheet_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One codec's curve."""

    id: str
    title: str
    settings: str
    library: str
    """Library and version; of a published curve its source."""
    points: Sequence[RatePoint] | Sequence[PublishedPoint]

    @property
    def published(self) -> bool:
        """Others measured it, elsewhere."""
        return isinstance(self.points[0], PublishedPoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class RdReport:
    """Our codec first, then every other."""

    circumstances: Mapping[str, Any]
    images: int
    megapixels: float
    skipped: Mapping[str, str]
    ours: Line
    others: Sequence[Line]
    left_out: Mapping[str, str]
    judged: Sheet | None = None
    """All of them at equal bytes before judges; None where that was not asked."""

    @property
    def lines(self) -> list[Line]:
        """Ours and the others."""
        return [self.ours, *self.others]

    def comparisons(self) -> list[tuple[Line, BdRates, BdRates]]:
        """Ours against each other codec, by PSNR and by MS-SSIM."""
        ours = self.ours.points
        return [
            (line, compare_curves(ours, line.points, "psnr"), compare_curves(ours, line.points, "ms_ssim"))
            for line in self.others
        ]


def to_json(report: RdReport) -> dict[str, Any]:
    """The whole report; infinite PSNR (an image came back identical) is null."""
    return {
        **report.circumstances,
        "images": report.images,
        "megapixels": report.megapixels,
        "skipped": dict(report.skipped),
        "codec": report.ours.id,
        "curves": [_line_json(line) for line in report.lines],
        "bd_rate": [
            {
                "against": line.id,
                "published": line.published,
                "psnr": asdict(by_psnr),
                "ms_ssim": asdict(by_ms_ssim),
            }
            for line, by_psnr, by_ms_ssim in report.comparisons()
        ],
        "left_out": dict(report.left_out),
        "judged": None if report.judged is None else sheet_json(report.judged),
    }


def _line_json(line: Line) -> dict[str, Any]:
    points = [asdict(point) for point in line.points]
    for point in points:
        point["psnr_db"] = point["psnr_db"] if math.isfinite(point["psnr_db"]) else None
    return {
        "id": line.id,
        "title": line.title,
        "settings": line.settings,
        "library": line.library,
        "published": line.published,
        "points": points,
    }
