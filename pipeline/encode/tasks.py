"""What the driver and the encoder workers say to each other. Images never travel: workers read the plan."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeTask:
    """Encode one planned unit, or a part of it."""

    run: str
    number: int
    indices: tuple[int, ...] | None = None
    """Positions in the unit, or None for all of it."""
    give_up: str | None = None
    """When set, write these images as failed for this reason without touching them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Seconds of work by stage, summed over threads."""

    read_s: float = 0.0
    decode_s: float = 0.0
    search_s: float = 0.0
    """Looking for the quality that meets a target, by estimates."""
    encode_s: float = 0.0
    """Pixels to payload."""
    check_s: float = 0.0
    """Payload back to pixels; encoding again what missed a quality floor."""
    measure_s: float = 0.0
    """PSNR, MS-SSIM, deflate, hashes."""
    publish_s: float = 0.0

    def __add__(self, other: Stages) -> Stages:
        return Stages(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeResult:
    """What one task put into the archive; its shards are published, not yet in the catalogue."""

    rows: pa.Table
    """CatalogueRow columns of every image of the task."""
    stages: Stages
