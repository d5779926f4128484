"""What flows: SourceImage -> Image -> (Encoded) -> ShardRow -> CatalogueRow. Decoding runs it backwards.

Every class is frozen. Sizes are bytes, offsets are bytes from the start of the shard, bpp is payload bits
over original pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

Status = Literal["coded", "kept", "failed"]
"""coded: payload is a codec's bitstream; kept: payload is the original file; failed: no payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What an archive held of an image and lost, as far as it binds whoever takes the image in again."""

    shard: str | None = None
    """In which it was lost."""
    sha256: str | None = None
    """Of the source file: other bytes are not taken for it."""
    quality: int | None = None
    """The level at which it was coded, where that counts more than what the run was told."""
    kept: str | None = None
    """Why the archive held the original bytes: they are kept again, and no codec is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceImage:
    """One object of a source, as the listing described it."""

    key: str
    """Name in the archive: the path below the source, or what a manifest says."""
    url: str
    """Full URL or absolute path to read from."""
    size: int | None = None
    etag: str | None = None
    mtime: datetime | None = None
    """UTC, microseconds."""
    prior: Prior = Prior()
    """Empty for an image that no archive has lost."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Image:
    """Decoded pixels, and everything about the file that must come back."""

    pixels: npt.NDArray[np.uint8]
    """(H, W, 3) RGB or (H, W, 1) grey, as stored: orientation is not applied."""
    source_format: str
    """Pillow's name: JPEG, PNG, WEBP, ..."""
    mode: str
    """Pillow's mode of the source: RGB, RGBA, L, LA, P."""
    bit_depth: int = 8
    orientation: int | None = None
    """EXIF orientation 1..8; a copy for queries, the truth stays in `exif`."""
    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    alpha: bytes | None = None
    """The alpha plane as a lossless 8-bit grey PNG file, when the image has one."""

    @property
    def height(self) -> int:
        """Rows, in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns, in pixels."""
        return int(self.pixels.shape[1])

    @property
    def is_grey(self) -> bool:
        """Whether there is one channel."""
        return int(self.pixels.shape[2]) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmodelled:
    """A sound image the codec does not model: its original bytes are kept."""

    reason: str
    """For a person: `16-bit samples`, `animation of 12 frames`, ..."""
    source_format: str
    mode: str
    width: int
    height: int
    bit_depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRow:
    """One image as written into a shard: payload and full metadata."""

    key: str
    source_url: str
    source_size: int | None = None
    source_etag: str | None = None
    source_mtime: datetime | None = None
    source_sha256: str | None = None
    source_format: str | None = None
    width: int | None = None
    height: int | None = None
    mode: str | None = None
    bit_depth: int | None = None
    orientation: int | None = None
    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    alpha: bytes | None = None
    status: Status
    reason: str | None = None
    """Why the image was kept or failed; null when coded."""
    lost_shard: str | None = None
    """The shard in which the archive held the image, when it failed because that was lost: a sound copy of that shard
    brings the image back."""
    codec: str | None = None
    quality: int | None = None
    latent_shape: tuple[int, int, int] | None = None
    payload: bytes | None = None
    payload_crc32c: int | None = None
    symbols_crc32: int | None = None
    bpp: float | None = None
    psnr_db: float | None = None
    """RGB PSNR of the decoded 8-bit pixels; null when lossless or not coded."""
    ms_ssim: float | None = None
    zip_bytes: int | None = None
    """Deflate (zlib level 6) of the raw 24-bit pixels."""
    zip_source_bytes: int | None = None
    """Deflate (zlib level 6) of the source file."""
    run: str
    encoded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueRow:
    """One image as the catalogue knows it: where its payload lies, without the heavy columns."""

    key: str
    source_url: str
    source_size: int | None
    source_etag: str | None
    source_mtime: datetime | None
    source_sha256: str | None
    source_format: str | None
    width: int | None
    height: int | None
    mode: str | None
    bit_depth: int | None
    orientation: int | None
    status: Status
    reason: str | None
    lost_shard: str | None
    codec: str | None
    quality: int | None
    latent_shape: tuple[int, int, int] | None
    payload_crc32c: int | None
    symbols_crc32: int | None
    bpp: float | None
    psnr_db: float | None
    ms_ssim: float | None
    zip_bytes: int | None
    zip_source_bytes: int | None
    run: str
    encoded_at: datetime
    shard: str
    """Path of the shard below the archive: `shards/<run>/<n>-<sha16>.parquet`."""
    row: int
    """Row number inside the shard."""
    payload_offset: int | None
    payload_length: int | None
    exif_offset: int | None
    """Like the payload, each kind of metadata is one byte run of the shard; null when the image has none."""
    exif_length: int | None
    icc_offset: int | None
    icc_length: int | None
    xmp_offset: int | None
    xmp_length: int | None
    alpha_offset: int | None
    alpha_length: int | None
    extras_crc32c: int | None
    """CRC32C of exif, icc, xmp and alpha, one after the other; null when there is none of them."""
