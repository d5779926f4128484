"""What flows: SourceImage -> Image -> (Encoded) -> ShardRow -> CatalogueRow. Decoding runs it backwards.

Every class is frozen. Sizes are bytes, offsets are bytes from the start of the shard, bpp is payload bits
over original pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Status = Literal["coded", "lossless", "bounded", "kept", "failed"]
"""What comes back of an image, and so what its payload is.

- coded: a picture near the original; the payload is a codec's bitstream.
- lossless: the same samples and the same metadata in another file; the payload is packed samples (`packing`).
- bounded: every sample within `max_error` of the original; the payload is packed samples (`packing`).
- kept: the original file, byte for byte; the payload is the file, as it is or packed (`packing`).
- failed: nothing: the bytes of the file could not be had.
"""
WITH_PIXELS: Final[tuple[Status, ...]] = ("coded", "lossless")
"""Of these the payload gives pixels, which become a file; of the others that are stored it gives the file itself."""
Fault = Literal["damaged", "not an image"]
"""Why there is no picture to see in a file: it breaks the rules of its format, or has none that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What binds whoever takes an image in, beside its file: mostly what an archive held of it and lost."""

    shard: str | None = None
    """In which it was lost."""
    sha256: str | None = None
    """Of the source file: other bytes are not taken for it."""
    quality: int | None = None
    """The level at which it was coded, where that counts more than what the run was told."""
    kept: str | None = None
    """Why the original bytes are to be kept, whatever they hold: no codec is asked."""
    lossless: str | None = None
    """Why the archive held its pixels without loss: so they are stored again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceImage:
    """One object of a source, as the listing described it."""

    key: str
    """Name in the archive: the path below the source, or what a manifest says."""
    url: str
    """Full URL or absolute path to read from; of a tar's member `tar://MEMBER::URL` (pipeline/store/member_urls.py)."""
    size: int | None = None
    etag: str | None = None
    mtime: datetime | None = None
    """UTC, microseconds."""
    prior: Prior = Prior()
    """Empty for most: nothing but its file binds whoever takes it in."""
    offset: int | None = None
    """Where its headers begin in the tar that `url` names; None outside tars, or where that must be looked up."""
    length: int | None = None
    """Of its headers and bytes there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedPart:
    """A piece of a file beside its pixels, byte for byte."""

    kind: str
    """In the words of its format: `APP13`, `COM`, `tEXt`, `uuid`, a TIFF tag's number; `trailer` for what follows the
    end of the picture."""
    data: bytes
    """Its body, without the length and checksum that the format puts around it."""


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
    carried: tuple[CarriedPart, ...] = ()
    """All of the file that is neither pixels nor one of the fields above, in the order of the file."""
    generated_by: str | None = None
    """Name of the decoder that made up some of what the pixels show; None where the payload says all of it."""

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
    """A file without a picture that the codec models: its original bytes are kept."""

    reason: str
    """For a person: `16-bit samples`, `animation of 12 frames`, `truncated JPEG: ...`"""
    source_format: str | None
    """None when no known format begins so. The facts below are None where the header did not tell them."""
    mode: str | None = None
    width: int | None = None
    height: int | None = None
    bit_depth: int | None = None
    orientation: int | None = None
    """EXIF orientation 1..8 of its first picture, whose width and height are as stored."""
    fault: Fault | None = None
    """None for a sound image."""


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
    carried: bytes | None = None
    """All else that the file held beside its pixels (pipeline/image/carried.py)."""
    thumbhash: bytes | None = None
    """What the image looks like, in 19 to 25 bytes (pipeline/image/thumbhash.py), upright and in sRGB."""
    preview: bytes | None = None
    """The same as a WebP file of at most 256 pixels a side; None where it would take more than 1 % of the payload."""
    status: Status
    reason: str | None = None
    """Why the image was not coded; null when it was."""
    damaged: bool | None = None
    """Whether the file is kept though it is no sound image; null in rows of releases that called such files failed."""
    packing: str | None = None
    """How the payload is packed when it is no codec's bitstream; null for a kept file as it is."""
    max_error: float | None = None
    """Of a bounded image: the largest difference of a sample, in the units of the file."""
    lost_shard: str | None = None
    """The shard in which the archive held the image, when it failed because that was lost: a sound copy of that shard
    brings the image back."""
    codec: str | None = None
    weights: str | None = None
    """Of a coded image: digest of the weights file that its payload names, hexadecimal; null in rows of releases that
    did not say so, where only the payload does."""
    quality: int | None = None
    effort: int | None = None
    """Of a coded image: how long its payload was improved, 0 to 3; null in rows of releases that never did."""
    importance: str | None = None
    """Of a coded image: how its bits were spread, `auto` or by its `map`; as usual where that is
    `missing` or `broken: why`; null where nothing was asked."""
    importance_version: str | None = None
    """Of the map that was followed, or is broken: the ETag of its store, else its size and time; null where there is no
    map, where its store tells none of it, and in rows of releases that did not say so."""
    words: str | None = None
    """Of a coded image: `text` where its encoder was told what a text beside it says, `missing` or `broken: why` where
    there was none to tell; null where nothing was asked."""
    words_version: str | None = None
    """Of the text, as `importance_version`."""
    latent_shape: tuple[int, int, int] | None = None
    payload: bytes | None = None
    payload_crc32c: int | None = None
    same_as_row: int | None = None
    """Number of the earlier row of the shard that holds this very payload: there it lies once. Only between a shard's
    bytes and its rows: what is read has its payload, and None here."""
    symbols_crc32: int | None = None
    bpp: float | None = None
    psnr_db: float | None = None
    """RGB PSNR of the decoded 8-bit pixels; null when lossless or not coded."""
    ms_ssim: float | None = None
    zip_bytes: int | None = None
    """Deflate (zlib level 6) of the raw 24-bit pixels, as `codec.metrics.zip_bytes` estimates it."""
    zip_source_bytes: int | None = None
    """The same of the source file."""
    run: str
    encoded_at: datetime

    @property
    def num_pixels(self) -> int:
        """Of the picture; 0 where its size is not known."""
        return (self.width or 0) * (self.height or 0)


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
    thumbhash: bytes | None
    status: Status
    reason: str | None
    damaged: bool | None
    packing: str | None
    max_error: float | None
    lost_shard: str | None
    codec: str | None
    weights: str | None
    quality: int | None
    effort: int | None
    importance: str | None
    importance_version: str | None
    words: str | None
    words_version: str | None
    latent_shape: tuple[int, int, int] | None
    payload_crc32c: int | None
    same_as_row: int | None
    """Row of the same shard that the payload is shared with, and counted for."""
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
    carried_offset: int | None
    carried_length: int | None
    extras_crc32c: int | None
    """CRC32C of exif, icc, xmp, alpha and carried, one after the other; null when there is none of them."""
    preview_offset: int | None
    """Likewise one byte run; null when the shard holds no preview of the image."""
    preview_length: int | None
    preview_crc32c: int | None

    @property
    def num_pixels(self) -> int:
        """Of the picture; 0 where its size is not known."""
        return (self.width or 0) * (self.height or 0)
