"""An archive and what its server has of its own: index, caches, counters."""

from __future__ import annotations

from pathlib import Path

from pipeline.archive.versions import AsOf
from pipeline.metrics.serving import ServingMetrics
from pipeline.serve.decoding.contract import Decoders
from pipeline.serve.image_service import ImageService
from pipeline.serve.kept_decoders import KeptDecoders
from pipeline.serve.limits import Limits
from pipeline.serve.response_cache import DiskCache, MemoryCache
from pipeline.serve.served_index import ServedIndex
from pipeline.serve.site import Site
from pipeline.store.storage import Storage


def open_site(
    archive: Storage,
    limits: Limits,
    decoders: Decoders,
    *,
    as_of: AsOf | None = None,
    cache: Path | None = None,
    public_url: str | None = None,
    hosts: frozenset[str] | None = None,
    token: str | None = None,
) -> Site:
    """Read the catalogue of an archive, to serve it.

    Args:
        decoders: of this archive; they start with the app.
        as_of: serve this version alone.
        cache: a folder in which files that were made are kept; None for memory alone.
        public_url: where clients reach it, without a slash at the end; None for what each request says.
        hosts: names by which it may be asked; None for any.
        token: that clients must show; None lets everybody in.
    Raises:
        NoArchiveError: nothing there is an archive.
        ArchiveError, StorageError: it cannot be read.
    """
    index = ServedIndex(archive, as_of=as_of)
    metrics = ServingMetrics()
    disk = None if cache is None else DiskCache(cache, limits.disk_bytes)
    metrics.watch("tenfold_images_served", "Images of the version that is served.", lambda: index.now.images)
    metrics.watch("tenfold_version_served", "Version of the catalogue.", lambda: index.now.version)
    decoders.report_to(metrics)
    return Site(
        archive=archive,
        index=index,
        decoders=decoders,
        kept_decoders=KeptDecoders(archive),
        images=ImageService(decoders, metrics, MemoryCache(limits.cached_bytes), disk),
        limits=limits,
        metrics=metrics,
        public_url=public_url,
        hosts=hosts,
        token=token,
    )
