"""Runs through a store that fails: each ends well, or with an error in our words; and a calm night sets all right."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import pipeline.store.storage
from codec.errors import CodecError
from pipeline.compress.nightly import NightlyRun
from pipeline.config import CompressConfig, NightlyConfig
from pipeline.config_file import load_config
from pipeline.errors import TenfoldError
from pipeline.store.backend import Backend
from pipeline.store.fsspec_store import FsspecStore
from pipeline.store.open_backend import open_backend
from pipeline.store.storage import Storage
from tests.chaos.faults import FAULTS, FaultyFilesystem
from tests.chaos.invariants import Witness
from tests.chaos.settings import write_settings
from tests.support.pictures import change, contents, fill

_IMAGES = 24
_RATES = (0.02, 0.1, 0.1, 0.4)


def through_storms(folder: Path, rng: random.Random, *, until: float) -> Counter[str]:
    """Rounds of changes, each followed by nights in which the source, or source and archive, fail now and then.

    Returns:
        How often each fault struck, how many nights ended in an error, and the rounds.
    """
    source, archive = folder / "source", folder / "archive"
    url = f"faulty://{source.as_posix().lstrip('/')}"
    config = load_config(write_settings(folder), {})
    fill(source, _IMAGES, rng)
    witness = Witness(Storage(archive))
    counts: Counter[str] = Counter()
    FaultyFilesystem.rng, FaultyFilesystem.seen = rng, counts
    while not counts["rounds"] or time.monotonic() < until:
        change(source, rng)
        for rate in _RATES:
            FaultyFilesystem.rate = rate
            FaultyFilesystem.kinds = FAULTS if rng.random() < 0.5 else tuple(rng.sample(FAULTS, 2))
            try:
                with patch.object(
                    pipeline.store.storage,
                    "open_backend",
                    _open_faulty if rng.random() < 0.5 else open_backend,
                ):
                    _night(url, archive, config)
            except (TenfoldError, CodecError, FileNotFoundError):
                counts["nights that ended in an error"] += 1
            finally:
                FaultyFilesystem.rate = 0.0
        # the source through the same URL, but calm; by checksum, for a flipped bit may have been coded as it came
        calm = config.model_copy(update={"compare": "checksum"})
        _night(url, archive, calm)
        witness.check(contents(source))
        counts["rounds"] += 1
    return counts


def _night(source: str, archive: Path, config: CompressConfig) -> None:
    night = NightlyConfig(source=source, archive=str(archive), deletes="fail-if-over 100%")
    NightlyRun(night, config).run()


def _open_faulty(url: str, options: pipeline.store.options.StorageOptions) -> Backend:
    """Folders too are reached through the faulty line; the catalogue's table, which Delta opens itself, is not."""
    if url.startswith("faulty://"):
        return open_backend(url, options)
    return FsspecStore(FaultyFilesystem(), url, url)
