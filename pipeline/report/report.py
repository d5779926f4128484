"""The report: what the catalogue says, what lies in the archive, and how its images do in the comparison."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import pyarrow.compute as pc

from codec.family import OtherDecoder
from pipeline.archive.catalogue import Catalogue
from pipeline.config import CompressConfig
from pipeline.events import Listener, ignore
from pipeline.own_code import VERSION
from pipeline.report.aggregate import Aggregate, aggregate_catalogue
from pipeline.report.archive_diff import ArchiveDiff
from pipeline.report.archive_state import ArchiveState, read_archive_state
from pipeline.report.comparison.results import ComparisonResults, comparison_results
from pipeline.report.comparison.run import Comparison, run_comparison
from pipeline.sampling import Sampling
from pipeline.store.storage import Storage

S3_USD_PER_GB_MONTH: Final = 0.023
"""List price of S3 Standard, first 50 TB, us-east-1."""
_PICTURED_WORST: Final = 6
_PICTURED_MEDIAN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Report:
    """Everything that its forms show."""

    aggregate: Aggregate
    state: ArchiveState
    usd_per_gb_month: float
    sampling: Sampling
    made_at: datetime
    tenfold: str
    """Version that made the report."""
    comparison: Comparison | None = None
    """None until it was held, or when none is wanted."""
    results: ComparisonResults | None = None
    diff: ArchiveDiff | None = None
    """Another archive of the same images, when one is to be compared."""

    @property
    def wants_comparison(self) -> bool:
        """Whether any image is to be held against other codecs; pictures are made in any case."""
        return self.sampling.count != 0

    @property
    def worst_pictured(self) -> list[str]:
        """Keys of the images at the bottom that are shown: of few images, half."""
        most = min(_PICTURED_WORST, -(-self.aggregate.totals.coded // 2))
        return [one.key for one in self.aggregate.worst[:most]]

    @property
    def median_pictured(self) -> list[str]:
        """Keys of images as near the median PSNR as any that the table shows."""
        median = self.aggregate.histograms["psnr_db"].percentiles().get(50)
        measured = self.aggregate.shown.filter(pc.is_valid(self.aggregate.shown["psnr_db"]))
        if median is None:
            return []
        near = sorted(
            zip(measured["psnr_db"].to_pylist(), measured["key"].to_pylist(), strict=True),
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
    """The report without a comparison: no image is read.

    Raises:
        NoArchiveError: there is no archive.
        ArchiveError: it holds no image.
        StorageError: the store does not answer.
    """
    return Report(
        aggregate=aggregate_catalogue(catalogue, url=archive.url, sampling=sampling),
        state=read_archive_state(archive),
        usd_per_gb_month=usd_per_gb_month,
        sampling=sampling,
        made_at=datetime.now(UTC),
        tenfold=VERSION,
    )


def with_comparison(
    report: Report,
    archive: Storage,
    catalogue: Catalogue,
    config: CompressConfig,
    listen: Listener = ignore,
    *,
    decoder: OtherDecoder | None = None,
) -> Report:
    """The same with pictures of the worst images, and the comparison over the images that were drawn.

    Args:
        decoder: beside the faithful one, whose pictures of the same payloads are measured too.
    Raises:
        ConfigError: no cluster, or too small a one.
    """
    comparison = run_comparison(
        archive,
        catalogue,
        config if report.wants_comparison else _in_this_process(config),
        drawn=report.aggregate.drawn,
        shown=[*report.worst_pictured, *report.median_pictured],
        decoder=decoder if report.wants_comparison else None,
        listen=listen,
    )
    return replace(
        report,
        comparison=comparison,
        results=comparison_results(comparison) if report.wants_comparison else None,
    )


def _in_this_process(config: CompressConfig) -> CompressConfig:
    """For a handful of pictures no worker is started."""
    return config.model_copy(update={"workers": config.workers.model_copy(update={"count": 0})})
