"""What a run leaves beside its shards: `runs/<run>/run.json`, progress.json and summary.json.

run.json is written before any work, summary.json after the last commit: a run that has the first and not the
second was interrupted, and the next run of the same command resumes it.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from pipeline.archive.layout import (
    PROGRESS_JSON,
    RUN_JSON,
    RUNS_FOLDER,
    SUMMARY_JSON,
    new_run_id,
    parse_record_path,
    record_path,
)
from pipeline.config import CompressConfig
from pipeline.errors import ArchiveError, UnreadableError
from pipeline.own_code import VERSION
from pipeline.source.source import SourceConfig
from pipeline.store.storage import Storage

_FORMAT = 1
_ADDED_LATER = ("effort", "importance", "words")
"""Keys of `codec` that runs begun by earlier releases did not have."""
HOW_STORED = ("codec", "lossless", "max_error", "previews", "shard", "limits", "source")
"""What of a config says how images are stored, wherever the archive lies and whoever does the work."""
_PACKAGES = ("torch", "ray", "pyarrow", "deltalake", "pillow", "zfpy")


class RunRecord:
    """The records of one run."""

    def __init__(self, storage: Storage, run: str, *, resumed: bool) -> None:
        """Name the run; see `resume_or_start`."""
        self._storage = storage
        self.run = run
        self.resumed = resumed

    @classmethod
    def resume_or_start(
        cls, storage: Storage, source: SourceConfig, config: CompressConfig, *, weights: Sequence[str]
    ) -> RunRecord:
        """The newest interrupted run of this source, codec and weights (names of their files), or a new one."""
        interrupted = cls.interrupted(storage, source, config, weights=weights)
        if interrupted is not None:
            return cls(storage, interrupted, resumed=True)
        log = cls(storage, new_run_id(), resumed=False)
        log.write(
            RUN_JSON,
            {
                "format": _FORMAT,
                "run": log.run,
                "started_at": datetime.now(UTC).isoformat(),
                "fingerprint": _fingerprint(source, config, weights),
                "source": source.model_dump(mode="json"),
                "config": config.model_dump(mode="json"),
                "python": platform.python_version(),
                "packages": {"tenfold": VERSION, **{name: _version(name) for name in _PACKAGES}},
            },
        )
        return log

    @staticmethod
    def interrupted(
        storage: Storage, source: SourceConfig, config: CompressConfig, *, weights: Sequence[str]
    ) -> str | None:
        """The newest interrupted run of this source, codec and weights; None when there is none."""
        fingerprint = _fingerprint(source, config, weights)
        begun: set[str] = set()
        ended: set[str] = set()
        for record in map(parse_record_path, (info.path for info in storage.list(RUNS_FOLDER))):
            if record is not None and record.name in (RUN_JSON, SUMMARY_JSON):
                (begun if record.name == RUN_JSON else ended).add(record.run)
        for run in sorted(begun - ended, reverse=True):
            if _fingerprint_in(storage, run) == fingerprint:
                return run
        return None

    def write_progress(self, record: dict[str, Any]) -> None:
        """Overwrite progress.json."""
        self.write(PROGRESS_JSON, record)

    def end(self, summary: dict[str, Any]) -> None:
        """Write summary.json: nobody resumes the run after that."""
        self.write(SUMMARY_JSON, summary)

    def write(self, name: str, record: dict[str, Any]) -> None:
        """Put a record beside the others, over any of that name."""
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        self._storage.write(record_path(self.run, name), text.encode("utf-8"))


def recorded_config(storage: Storage, run: str) -> CompressConfig:
    """What a run was told.

    Raises:
        ArchiveError: its record is gone or of another format.
    """
    path = record_path(run, RUN_JSON)
    try:
        return CompressConfig.model_validate(json.loads(storage.read(path))["config"])
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise ArchiveError(
            f"Expected the settings of run {run} in {path} at {storage.url}, got {type(error).__name__}. "
            "Say which ones to use with --config."
        ) from error


def told_as(settings: CompressConfig, then: CompressConfig) -> CompressConfig:
    """Settings that say where and with which workers, with what a run was told of how images are stored."""
    return settings.model_copy(update={name: getattr(then, name) for name in HOW_STORED})


def damaged_records(storage: Storage) -> Iterator[str]:
    """Paths of what runs were told, where it cannot be read any more."""
    for info in storage.list(RUNS_FOLDER):
        record = parse_record_path(info.path)
        if record is not None and record.name == RUN_JSON:
            try:
                json.loads(storage.read(info.path))
            except ValueError:
                yield info.path


def _fingerprint_in(storage: Storage, run: str) -> str | None:
    """What a run recorded; None when its record is damaged, or cannot be read: then nobody can resume it."""
    try:
        return str(json.loads(storage.read(record_path(run, RUN_JSON)))["fingerprint"])
    except (UnreadableError, ValueError, KeyError, TypeError):
        return None


def _fingerprint(source: SourceConfig, config: CompressConfig, weights: Sequence[str]) -> str:
    """What makes two runs the same work: the source and what the codec is told; not workers or endpoints."""
    # what later releases add leaves the fingerprints of runs that do not use it as they were
    origin = source.model_dump(mode="json", exclude={"storage", "archived"}, exclude_defaults=True)
    if source.archived is not None:
        origin[f"{source.archived}_in"] = source.url  # as first recorded: a run begun then is resumed
    codec = config.codec.model_dump(mode="json", exclude={"weights", *_ADDED_LATER})
    same = {
        "source": origin,
        "codec": codec
        | config.codec.model_dump(mode="json", include=set(_ADDED_LATER), exclude_defaults=True),
        "weights": list(weights),
        "limits": config.limits.model_dump(mode="json"),
        **config.model_dump(
            mode="json", include={"lossless", "max_error", "previews"}, exclude_defaults=True
        ),
    }
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:16]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
