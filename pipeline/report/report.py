"""The report: what the catalogue says, what lies in the archive, and how its images do in the contest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from typing import Final

import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.config import CompressConfig
from pipeline.progress import OnProgress
from pipeline.report.aggregate import Aggregate, fold
from pipeline.report.archive_diff import ArchiveDiff
from pipeline.report.comparison.results import ComparisonResults, standings
from pipeline.report.comparison.run import Comparison, hold_contest
from pipeline.report.inventory import Inventory, read_holdings
from pipeline.report.sampling import Sampling
from pipeline.store.storage import Storage

S3_USD_PER_GB_MONTH: Final = 0.023
"""List price of S3 Standard, first 50 TB, us-east-1."""
_PICTURED_WORST: Final = 6
_PICTURED_MEDIAN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Report:
    """Everything that its forms show."""

    fold: Aggregate
    holdings: Inventory
    usd_per_gb_month: float
    sampling: Sampling
    made_at: datetime
    tenfold: str
    """Version that made the report."""
    contest: Comparison | None = None
    """None until it was held, or when none is wanted."""
    standings: ComparisonResults | None = None
    beside: ArchiveDiff | None = None
    """Another archive of the same images, when one is to be compared."""

    @property
    def wants_contest(self) -> bool:
        """Whether any image is to be looked at closely."""
        return self.sampling.count != 0

    @property
    def worst_pictured(self) -> list[str]:
        """Keys of the images at the bottom that are shown: of few images, half."""
        most = min(_PICTURED_WORST, -(-self.fold.totals.coded // 2))
        return [one.key for one in self.fold.worst[:most]]

    @property
    def median_pictured(self) -> list[str]:
        """Keys of images as near the median PSNR as any that the table shows."""
        median = self.fold.spreads["psnr_db"].percentiles().get(50)
        known = self.fold.shown.filter(pc.is_valid(self.fold.shown["psnr_db"]))
        if median is None:
            return []
        near = sorted(
            zip(known["psnr_db"].to_pylist(), known["key"].to_pylist(), strict=True),
            key=lambda one: (abs(one[0] - median), one[1]),
        )
        worst = set(self.worst_pictured)
        return [key for _, key in near if key not in worst][:_PICTURED_MEDIAN]


def catalogue_report(
    archive: Storage,
    catalogue: Catalogue,
    *,
    sampling: Sampling,
    usd_per_gb_month: float = S3_USD_PER_GB_MONTH,
) -> Report:
    """The report without a contest: no image is read.

    Raises:
        NoArchiveError: there is no archive.
        ArchiveError: it holds no image.
        StorageError: the store does not answer.
    """
    return Report(
        fold=fold(catalogue, url=archive.url, sampling=sampling),
        holdings=read_holdings(archive),
        usd_per_gb_month=usd_per_gb_month,
        sampling=sampling,
        made_at=datetime.now(UTC),
        tenfold=metadata.version("tenfold"),
    )


def with_contest(
    report: Report,
    archive: Storage,
    catalogue: Catalogue,
    config: CompressConfig,
    on_progress: OnProgress = lambda _progress: None,
) -> Report:
    """The same with the contest over the images that were drawn.

    Raises:
        ConfigError: no cluster, or too small a one.
    """
    contest = hold_contest(
        archive,
        catalogue,
        config,
        drawn=report.fold.drawn,
        shown=[*report.worst_pictured, *report.median_pictured],
        on_progress=on_progress,
    )
    return replace(report, contest=contest, standings=standings(contest))
