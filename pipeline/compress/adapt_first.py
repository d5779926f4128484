"""Before a run encodes, it may learn from its source: where it is told to, and there is something to encode."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.adapt.run import AdaptOutcome, AdaptPlan, AdaptRun
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.lease import Lease
from pipeline.compress.plan import compare
from pipeline.compress.run_codec import RunCodec
from pipeline.compress.run_record import RunRecord, recorded_config
from pipeline.config import CompressConfig
from pipeline.errors import ArchiveError
from pipeline.events import Listener, ignore
from pipeline.source.source import Source
from pipeline.store.storage import Storage


def adapt_first(
    source: Source,
    archive: Storage,
    config: CompressConfig,
    listen: Listener = ignore,
    *,
    stop: Callable[[], bool] = lambda: False,
    lease: Lease | None = None,
) -> AdaptOutcome | None:
    """Learn from a source as `adapt` of the config says; None where it says nothing.

    Args:
        lease: of the archive, where it is held already.
    Raises:
        As `AdaptRun.run`.
    """
    if config.adapt is None:
        return None
    if (why_not := _why_not(source, archive, config)) is not None:
        return AdaptOutcome(record=None, skipped=why_not)
    return AdaptRun(source, archive, config, config.adapt).run(listen, stop=stop, lease=lease)


def plan_adapt_first(
    source: Source, archive: Storage, config: CompressConfig, listen: Listener = ignore
) -> AdaptPlan | None:
    """What `adapt_first` would do; None where nothing is said of it, or there is nothing to encode.

    Raises:
        As `AdaptRun.plan`.
    """
    if config.adapt is None or _why_not(source, archive, config) is not None:
        return None
    return AdaptRun(source, archive, config, config.adapt).plan(listen)


def _why_not(source: Source, archive: Storage, config: CompressConfig) -> str | None:
    run = _run_after_adapting(source, archive, config)
    if run is not None:
        return f"the run {run} had learned, or tried to, before it was interrupted: it goes on first"
    catalogue = Catalogue(archive)
    if config.compare == "fast" and catalogue.exists():  # by checksum every image would be read for it
        comparison = compare(source, source.batches(), catalogue, config)
        if not any(len(compared.to_take()) for compared in comparison.compared()):
            return "there is nothing new to encode"
    return None


def _run_after_adapting(source: Source, archive: Storage, config: CompressConfig) -> str | None:
    """The interrupted run that this one would go on with, if it was told to learn first."""
    run = RunRecord.interrupted(
        archive, source.config, config, weights=RunCodec.load(config, archive).weights_names
    )
    try:
        return run if run is not None and recorded_config(archive, run).adapt is not None else None
    except ArchiveError:  # its record is damaged
        return None
