"""What the driver and the comparing workers say to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pipeline.config import CompressConfig
from pipeline.image.read import ReadLimits
from pipeline.report.comparison.methods import Method, Result
from pipeline.source.source import Source, SourceConfig
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow

if TYPE_CHECKING:  # the worker brings torch: it is imported where it is built
    from pipeline.report.comparison.worker import CompareWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareTask:
    """Measure one image."""

    row: CatalogueRow
    wanted: tuple[Method, ...]
    windows: int = 0
    """Of the image, at most, that are looked at where it is judged as one of a set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareResult:
    """What was measured of it."""

    results: dict[str, Result] = field(default_factory=dict)
    """By method's id."""
    refused: dict[str, str] = field(default_factory=dict)
    """Why there is none of a method, by its id."""
    absent: str | None = None
    """Why nothing could be measured at all: `results` may hold a picture of what was decoded."""
    not_cached: str | None = None
    """Why the archive did not take what was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareSpec:
    """Builds a worker where it will live."""

    does: ClassVar[str] = "compare"
    wants_gpu: ClassVar[bool] = False

    archive_url: str
    config: CompressConfig

    def build(self, *, threads: int) -> CompareWorker:
        """Open the stores; codecs are loaded as rows ask for them."""
        from pipeline.report.comparison.worker import CompareWorker

        return CompareWorker(
            Storage(self.archive_url, self.config.storage),
            Source(SourceConfig(url=self.archive_url, storage=self.config.reading.resolved())),
            limits=ReadLimits(max_pixels=self.config.limits.max_pixels),
        )
