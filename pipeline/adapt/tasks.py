"""What the driver and the worker that learns say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pipeline.adapt.learned import Learned
from pipeline.config import AdaptConfig, CompressConfig
from pipeline.events import AdaptationAdvanced
from pipeline.source.source import SourceConfig

if TYPE_CHECKING:  # the worker brings torch: it is imported where it is built
    from pipeline.adapt.worker import AdaptWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Say how far it is. Every look is another task."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningState:
    """How far it is."""

    now: AdaptationAdvanced
    learned: Learned | None
    """At the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptSpec:
    """Builds a learner where it will live."""

    does: ClassVar[str] = "adapt"
    wants_gpu: ClassVar[bool] = True

    archive_url: str
    source: SourceConfig
    config: CompressConfig
    adapt_config: AdaptConfig
    adaptation: str
    """The attempt, as the archive keeps it."""

    def build(self, *, threads: int) -> AdaptWorker:
        """Begin to learn; `threads` is this worker's share of the CPU."""
        from pipeline.adapt.worker import AdaptWorker

        return AdaptWorker(self, threads=threads)
