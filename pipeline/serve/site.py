"""What every route of one server is given."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.metrics.serving import ServingMetrics
from pipeline.serve.decoding.contract import Decoders
from pipeline.serve.image_service import ImageService
from pipeline.serve.kept_decoders import KeptDecoders
from pipeline.serve.limits import Limits
from pipeline.serve.served_index import ServedIndex
from pipeline.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Site:
    """One archive, served. Routes hold it; nothing of it is global, so a process may have several."""

    archive: Storage
    index: ServedIndex
    """From keys to rows, at hand: ask it in the event loop."""
    decoders: Decoders
    kept_decoders: KeptDecoders
    """Which decoders the archive brings, at hand as the index is."""
    images: ImageService
    """From rows to files: what costs work goes through it."""
    limits: Limits
    metrics: ServingMetrics
    public_url: str | None = None
    """Where clients reach it, when a proxy stands before it: without a slash at the end."""
    hosts: frozenset[str] | None = None
    """Names by which it may be asked; None for any."""
    token: str | None = None
    """That clients must show; None lets everybody in."""
