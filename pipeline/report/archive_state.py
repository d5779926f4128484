"""What the archive's runs said of themselves, and what lies in the archive: `runs/*/` and the store's listing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from pipeline.archive.adaptations import AdaptationRecord, adaptations
from pipeline.archive.layout import RUN_JSON, SUMMARY_JSON, parse_record_path, record_path
from pipeline.store.storage import Storage

_MOST_RUNS: Final = 50
_MOST_ADAPTATIONS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """One finished run."""

    run: str
    images: int
    coded: int
    kept: int
    failed: int
    seconds: float
    megapixels_per_second: float
    stage_seconds: dict[str, float]
    """Work by stage, summed over workers and threads."""
    packages: dict[str, str]
    """Versions at that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveState:
    """What lies there today, whatever version the report is of."""

    runs: list[RunFacts]
    """The newest first."""
    older_runs: int
    """Finished too, and not read."""
    folder_bytes: dict[str, int]
    """By folder of the archive: `shards`, `catalogue`, ..."""
    adaptations: list[AdaptationRecord]
    """What a codec learned from its images, or did not: the newest first."""

    @property
    def archive_bytes(self) -> int:
        """Everything."""
        return sum(self.folder_bytes.values())

    @property
    def stage_seconds(self) -> dict[str, float]:
        """Over the runs that were read, without stages that took none; `encode_s` is named `encode`."""
        total: Counter[str] = Counter()
        for run in self.runs:
            total.update(run.stage_seconds)
        return {name.removesuffix("_s"): round(seconds, 3) for name, seconds in total.items() if seconds}


def read_archive_state(archive: Storage) -> ArchiveState:
    """List the archive, and read the summaries of its newest runs; a record that is damaged is left out.

    Raises:
        StorageError: the store does not answer.
    """
    folders: Counter[str] = Counter()
    ended: list[str] = []
    for info in archive.list():
        parts = info.path.split("/")
        folders[parts[0] if len(parts) > 1 else "others"] += info.size
        record = parse_record_path(info.path)
        if record is not None and record.name == SUMMARY_JSON:
            ended.append(record.run)
    newest = sorted(ended, reverse=True)
    facts = [found for run in newest[:_MOST_RUNS] if (found := _facts(archive, run)) is not None]
    return ArchiveState(
        runs=[one for one in facts if one.images],
        older_runs=max(0, len(newest) - _MOST_RUNS),
        folder_bytes=dict(folders.most_common()),
        adaptations=list(islice(adaptations(archive), _MOST_ADAPTATIONS)),
    )


def _facts(archive: Storage, run: str) -> RunFacts | None:
    try:
        said = _read(archive, run, SUMMARY_JSON)
        return RunFacts(
            run=run,
            images=int(said["images"]),
            coded=int(said["coded"]),
            kept=int(said["kept"]),
            failed=int(said["failed"]),
            seconds=float(said["seconds"]),
            megapixels_per_second=float(said["megapixels_per_second"]),
            stage_seconds={name: float(value) for name, value in said.get("stage_seconds", {}).items()},
            packages={
                name: str(version)
                for name, version in _read(archive, run, RUN_JSON).get("packages", {}).items()
                if version is not None
            },
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _read(archive: Storage, run: str, name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(archive.read(record_path(run, name)))
    return read
