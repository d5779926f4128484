"""Baselines are slow and do not change: what one image gave is kept, by image, codec, settings and library."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Final

from codec.bench.baselines import Baseline
from codec.bench.libraries import library
from codec.bench.measure import Sample

_MEASURES: Final = 1
"""Counts up when PSNR, MS-SSIM or bpp are computed in another way."""


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/tenfold/bench`, by default under `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tenfold" / "bench"


class SampleCache:
    """A folder of small files, one per image and baseline. Several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, baseline: Baseline, image_digest: str) -> list[Sample] | None:
        """What was stored, or None; a file that cannot be understood counts as none."""
        try:
            samples = json.loads(self._path(baseline, image_digest).read_text(encoding="utf-8"))["samples"]
            return [Sample(**sample) for sample in samples]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def store(self, baseline: Baseline, image_digest: str, samples: list[Sample]) -> None:
        """Keep what one image gave.

        Raises:
            OSError: the folder cannot be written.
        """
        path = self._path(baseline, image_digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {**_key(baseline, image_digest), "samples": [asdict(sample) for sample in samples]}
        part = path.with_suffix(f".{secrets.token_hex(4)}.part")
        part.write_text(json.dumps(kept), encoding="utf-8")
        part.replace(path)

    def _path(self, baseline: Baseline, image_digest: str) -> Path:
        key = json.dumps(_key(baseline, image_digest), sort_keys=True)
        return self._folder / baseline.id / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def _key(baseline: Baseline, image_digest: str) -> dict[str, object]:
    return {
        "image": image_digest,
        "format": baseline.format,
        "settings": json.dumps(baseline.options, sort_keys=True),
        "qualities": list(baseline.qualities),
        "library": library(baseline.format),
        "measures": _MEASURES,
    }
