"""Baselines are slow and do not change: what one image gave is kept, by image, codec, settings and library."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from codec.bench.baselines import Baseline
from codec.bench.libraries import library
from codec.bench.measure import Sample

_MEASURES: Final = 1
"""Counts up when PSNR, MS-SSIM or bpp are computed in another way."""


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/tenfold/bench`, by default under `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tenfold" / "bench"


class KeptFolder:
    """A folder of small JSON files, each under all that its content depends on. Several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, kind: str, key: Mapping[str, object]) -> dict[str, Any] | None:
        """What was stored, or None; a file that cannot be read counts as none."""
        try:
            kept = json.loads(self._path(kind, key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return kept if isinstance(kept, dict) else None

    def store(self, kind: str, key: Mapping[str, object], value: Mapping[str, object]) -> None:
        """Keep something, its key beside it.

        Raises:
            OSError: the folder cannot be written.
        """
        path = self._path(kind, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{secrets.token_hex(4)}.part")
        part.write_text(json.dumps({**key, **value}), encoding="utf-8")
        part.replace(path)

    def _path(self, kind: str, key: Mapping[str, object]) -> Path:
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return self._folder / kind / f"{digest[:32]}.json"


class SampleCache:
    """What baselines gave, one file per image and baseline."""

    def __init__(self, folder: Path) -> None:
        self._kept = KeptFolder(folder)

    def load(self, baseline: Baseline, image_digest: str) -> list[Sample] | None:
        """What was stored, or None; a file that cannot be understood counts as none."""
        kept = self._kept.load(baseline.id, _key(baseline, image_digest))
        try:
            return None if kept is None else [Sample(**sample) for sample in kept["samples"]]
        except (KeyError, TypeError):
            return None

    def store(self, baseline: Baseline, image_digest: str, samples: list[Sample]) -> None:
        """Keep what one image gave.

        Raises:
            OSError: the folder cannot be written.
        """
        samples_of = {"samples": [asdict(sample) for sample in samples]}
        self._kept.store(baseline.id, _key(baseline, image_digest), samples_of)


def _key(baseline: Baseline, image_digest: str) -> dict[str, object]:
    return {
        "image": image_digest,
        "format": baseline.format,
        "settings": json.dumps(baseline.options, sort_keys=True),
        "qualities": list(baseline.qualities),
        "library": library(baseline.format),
        "measures": _MEASURES,
    }
