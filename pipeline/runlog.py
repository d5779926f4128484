"""What a run leaves beside its shards: `runs/<run>/run.json`, quality.json, progress.json and summary.json.

run.json is written before any work, summary.json after the last commit: a run that has the first and not the
second was interrupted, and the next run of the same command resumes it.
"""

from __future__ import annotations

import hashlib
import json
import platform
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from pipeline.config import CompressConfig
from pipeline.sources import SourceConfig
from pipeline.storage import Storage

_FORMAT = 1
_PACKAGES = ("tenfold", "torch", "ray", "pyarrow", "deltalake", "pillow", "zfpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What `tenfold compress --json` prints. Counts and bytes are this run's; `archive_bytes` is everything
    that lies in the archive, catalogue and run records included. Ratios are over payload bytes, raw means
    24-bit RGB. Means and ratios are null when there is nothing to divide by.
    """

    run: str
    images: int
    coded: int
    kept: int
    failed: int
    held_back: list[dict[str, str]]
    """Of `failed`: key and reason of images whose earlier version stays in the archive."""
    unchanged: int
    """Images of the source that the archive holds already."""
    skipped: int
    """Objects below the source that are not named like images."""
    raw_bytes: int
    source_bytes: int
    zip_bytes: int
    payload_bytes: int
    archive_bytes: int
    ratio_vs_raw: float | None
    ratio_vs_source: float | None
    zip_ratio_vs_raw: float | None
    bpp: float | None
    psnr_db: float | None
    ms_ssim: float | None
    quality: int | None
    resumed: bool
    seconds: float
    start_seconds: float
    """Of `seconds`: until the workers were up (Ray, model load)."""
    megapixels_per_second: float
    stage_seconds: dict[str, float]
    """Work by stage, summed over workers and threads."""


class RunLog:
    """The records of one run."""

    def __init__(self, storage: Storage, run: str, *, resumed: bool) -> None:
        """Name the run; see `resume_or_start`."""
        self._storage = storage
        self.run = run
        self.resumed = resumed

    @classmethod
    def resume_or_start(cls, storage: Storage, source: SourceConfig, config: CompressConfig) -> RunLog:
        """The newest interrupted run of this source and codec, or a new one."""
        fingerprint = _fingerprint(source, config)
        begun: set[str] = set()
        ended: set[str] = set()
        for info in storage.list("runs"):
            parts = info.path.split("/")
            if len(parts) == 3 and parts[2] in ("run.json", "summary.json"):
                (begun if parts[2] == "run.json" else ended).add(parts[1])
        for run in sorted(begun - ended, reverse=True):
            record = json.loads(storage.read(f"runs/{run}/run.json"))
            if record.get("fingerprint") == fingerprint:
                return cls(storage, run, resumed=True)
        log = cls(storage, _new_run_id(), resumed=False)
        log._write(
            "run.json",
            {
                "format": _FORMAT,
                "run": log.run,
                "started_at": datetime.now(UTC).isoformat(),
                "fingerprint": fingerprint,
                "source": source.model_dump(mode="json"),
                "config": config.model_dump(mode="json"),
                "python": platform.python_version(),
                "packages": {name: _version(name) for name in _PACKAGES},
            },
        )
        return log

    def quality(self) -> int | None:
        """The quality this run settled on before it was interrupted."""
        try:
            record: dict[str, Any] = json.loads(self._storage.read(f"runs/{self.run}/quality.json"))
        except FileNotFoundError:
            return None
        return int(record["quality"])

    def write_quality(self, record: dict[str, Any]) -> None:
        """Settle the quality, so that a resumed run keeps it."""
        self._write("quality.json", record)

    def write_progress(self, record: dict[str, Any]) -> None:
        """Overwrite progress.json."""
        self._write("progress.json", record)

    def write_summary(self, summary: RunSummary) -> None:
        """End the run."""
        self._write("summary.json", asdict(summary))

    def _write(self, name: str, record: dict[str, Any]) -> None:
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        self._storage.write(f"runs/{self.run}/{name}", text.encode("utf-8"))


def _new_run_id() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def _fingerprint(source: SourceConfig, config: CompressConfig) -> str:
    """What makes two runs the same work: the source and the codec's target; not workers or endpoints."""
    same = {
        "source": source.model_dump(mode="json", exclude={"storage"}),
        "codec": config.codec.model_dump(mode="json"),
        "limits": config.limits.model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:16]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
