"""The images of an archive that failed, sorted into runs that try them again as the runs did in which they failed.

An archive may hold what several runs made, each told otherwise: what was to lose nothing must not come in lossy because
another image failed later.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.archive.catalogue import Catalogue
from pipeline.compress.archived_images import ArchivedImages, failed_images
from pipeline.compress.run_record import recorded_config, told_as
from pipeline.config import CompressConfig
from pipeline.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedBatch:
    """Failed images that one run can try: all under the same settings."""

    config: CompressConfig
    source: ArchivedImages


def failed_batches(archive: Storage, settings: CompressConfig, *, as_then: bool) -> list[FailedBatch]:
    """The failed images; those that failed last come last.

    Args:
        settings: where and with which workers.
        as_then: whether images are stored as the run was told in which they failed; else `settings` say how.
    Raises:
        ArchiveError: the record of such a run is gone; or the catalogue cannot be read.
        StorageError: the archive does not answer.
    """
    runs: set[str] = set()
    for batch in Catalogue(archive).failed(["run"]):
        runs.update(batch["run"].to_pylist())
    groups: dict[CompressConfig, list[str]] = {}
    for run in sorted(runs):
        config = told_as(settings, recorded_config(archive, run)) if as_then else settings
        groups[config] = [*groups.pop(config, []), run]
    return [
        FailedBatch(config=config, source=_source(archive, config, of_config, as_then=as_then))
        for config, of_config in groups.items()
    ]


def _source(archive: Storage, config: CompressConfig, runs: list[str], *, as_then: bool) -> ArchivedImages:
    keeps_others = config.source.others == "keep" and not config.source.sniff
    return failed_images(archive, config.reading, runs=runs, keeps_others=keeps_others, as_then=as_then)
