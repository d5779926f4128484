"""Rows of every kind for a report, and an archive that holds some."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.shards import build_shard, publish
from pipeline.store.storage import Storage
from pipeline.types import ShardRow

HOSTILE = "</script><img src=x onerror=alert(1)>|`\u2028&amp;.png"
_UNKNOWN = ("codec", "quality", "psnr_db", "ms_ssim", "width", "height", "bpp", "zip_bytes", "source_format")
CODED: dict[str, Any] = {
    "status": "coded",
    "codec": "ae-zfp-1",
    "bpp": 1.0,
    "width": 8,
    "height": 8,
    "zip_bytes": 100,
}
FAILED: dict[str, Any] = {"status": "failed", "reason": "gone", **dict.fromkeys(_UNKNOWN)}
KEPT: dict[str, Any] = {
    "status": "kept",
    "codec": None,
    "quality": None,
    "psnr_db": None,
    "ms_ssim": None,
    "width": 8,
    "height": 8,
    "source_format": "GIF",
}


def committed(folder: Path, rows: Sequence[ShardRow]) -> tuple[Storage, Catalogue]:
    """An archive that holds these rows."""
    storage = Storage(folder)
    catalogue = Catalogue(storage)
    catalogue.create()
    shard = build_shard(rows, metadata={})
    catalogue.commit(shard.named(publish(storage, shard, "r", 0)), run="r")
    return storage, catalogue
