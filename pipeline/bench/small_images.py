"""Pictures of 64x64 pixels out of nothing, and what an archive of them consists of."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image as PillowImage

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import CATALOGUE_FOLDER, SHARDS_FOLDER
from pipeline.store.storage import Storage

_SIDE: Final = 64
_ROUGH: Final = 9
_PER_FOLDER: Final = 1000


def make_small_images(folder: Path, count: int) -> None:
    """Write smooth coloured noise as PNG files, each another picture."""
    chance = np.random.default_rng(0)
    for number in range(count):
        below = folder / f"{number // _PER_FOLDER:04d}"
        below.mkdir(parents=True, exist_ok=True)
        rough = chance.integers(256, size=(_ROUGH, _ROUGH, 3), dtype=np.uint8)
        smooth = PillowImage.fromarray(rough).resize((_SIDE, _SIDE), PillowImage.Resampling.BICUBIC)
        grain = chance.normal(0, 4, (_SIDE, _SIDE, 3))
        pixels = np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)
        PillowImage.fromarray(pixels).save(below / f"{number:06d}.png")


def bytes_an_image(archive: Storage) -> dict[str, float]:
    """Of payloads alone, of shards with them in it, and of the catalogue with its log."""
    images = payloads = 0
    for batch in Catalogue(archive).scan(["payload_length"]):
        images += len(batch)
        payloads += sum(length or 0 for length in batch["payload_length"].to_pylist())
    folders = {"shard": SHARDS_FOLDER, "catalogue": CATALOGUE_FOLDER}
    held = {name: sum(info.size for info in archive.list(folder)) for name, folder in folders.items()}
    return {f"{name} B": held_bytes / images for name, held_bytes in {"payload": payloads, **held}.items()}
