"""From one image and what became of it to its shard row: coded, lossless, bounded, kept or failed."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import google_crc32c

from codec.metrics import bpp, zip_bytes
from codec.payload_head import weights_digest
from pipeline.archive.lost_reason import lost_reason
from pipeline.encode.exact_policy import ASKED
from pipeline.encode.types import Coded, Fetched, payload_room
from pipeline.image.carried import pack_carried
from pipeline.image.read import to_rgb
from pipeline.packing import lepton
from pipeline.packing.flat import why_flat
from pipeline.packing.grid_file import pack_bounded
from pipeline.packing.pack import Packed, pack_file, pack_pixels
from pipeline.packing.registry import DEFLATED, GRID_ZFP, LEPTON
from pipeline.source.image_names import is_image_name
from pipeline.types import Image, ShardRow, SourceImage, Unmodelled


def coded_row(fetched: Fetched, coded: Coded, *, codec: str, effort: int, run: str) -> ShardRow:
    """The row of an image whose bitstream was seen to decode; `quality` is rounded to a whole level."""
    image, encoded, measures = coded.image, coded.encoded, coded.measures
    return ShardRow(
        **_source_columns(fetched.source, fetched.data),
        **_image_columns(image),
        **_extras(image),
        status="coded",
        damaged=False,
        codec=codec,
        weights=_weights_of(encoded.payload),
        quality=round(coded.quality),
        effort=effort,
        **fetched.beside.origins,
        **fetched.beside.versions,
        latent_shape=encoded.latent_shape,
        payload=encoded.payload,
        payload_crc32c=google_crc32c.value(encoded.payload),
        symbols_crc32=encoded.symbols_crc32,
        bpp=bpp(len(encoded.payload), image.width, image.height),
        psnr_db=None if math.isinf(measures.psnr_db) else _rounded_psnr(measures.psnr_db),
        ms_ssim=measures.ms_ssim,
        zip_bytes=zip_bytes(to_rgb(image).data),
        zip_source_bytes=zip_bytes(fetched.data or b""),
        run=run,
        encoded_at=datetime.now(UTC),
    )


def _rounded_psnr(psnr_db: float) -> float:
    """To the 1024th of a dB: digits beyond it are noise that no compression takes out of a table."""
    return round(psnr_db * 1024) / 1024


def _weights_of(payload: bytes) -> str | None:
    digest = weights_digest(payload)
    return None if digest is None else digest.hex()


def exact_row(fetched: Fetched, reason: str, *, run: str) -> ShardRow:
    """The row of an image whose pixels are stored without loss; of its file, where that is not larger when packed."""
    image, data = fetched.content, fetched.data
    if data is None or not isinstance(image, Image):
        raise ValueError(f"Expected an image with pixels, got {image!r} for key {fetched.source.key!r}.")
    file = pack_file(data, without=(DEFLATED,))  # which holds the same samples as the pixels below, and more
    # pixels that a JPEG file decodes to take more than the file, but for small and flat ones; who asks for no loss is
    # promised the file
    if file.packing == LEPTON or (reason == ASKED and lepton.is_jpeg(data)):
        return _kept(fetched, reason, file, run=run)
    is_drawing = why_flat(image.pixels, has_palette=image.mode == "P") is not None
    packed = pack_pixels(image.pixels, thorough=is_drawing)
    metadata_bytes = len(data) - payload_room(fetched, image)
    if packed is None or len(packed.payload) + metadata_bytes >= len(file.payload):
        return _kept(fetched, reason, file, run=run)
    return ShardRow(
        **_source_columns(fetched.source, data),
        **_image_columns(image),
        **_extras(image),
        **_payload_columns(packed, image),
        status="lossless",
        reason=reason,
        damaged=False,
        zip_bytes=zip_bytes(to_rgb(image).data),
        zip_source_bytes=zip_bytes(data),
        run=run,
        encoded_at=datetime.now(UTC),
    )


def deep_row(fetched: Fetched, reason: str, max_error: float | None, *, run: str) -> ShardRow:
    """The row of a file that the codec does not model: kept, or with samples within `max_error` where one is given and
    that is smaller."""
    data, content = fetched.data, fetched.content
    if data is None or not isinstance(content, Unmodelled):
        raise ValueError(f"Expected a file without pixels, got {content!r} for key {fetched.source.key!r}.")
    file = pack_file(data)
    bounded = None if max_error is None else pack_bounded(data, max_error)
    if bounded is None or bounded.max_error == 0 or len(bounded.payload) >= len(file.payload):
        return _kept(fetched, reason, file, run=run)
    packed = Packed(packing=GRID_ZFP, payload=bounded.payload)
    row = _kept(fetched, reason, packed, run=run)
    return replace(row, status="bounded", max_error=bounded.max_error)


def kept_row(fetched: Fetched, reason: str, *, run: str) -> ShardRow:
    """The row of an image stored as its original file, packed where that pays; it holds its metadata too."""
    return _kept(fetched, reason, pack_file(fetched.data or b""), run=run)


def _kept(fetched: Fetched, reason: str, file: Packed, *, run: str) -> ShardRow:
    data = fetched.data
    content = fetched.content
    if data is None or isinstance(content, str):
        raise ValueError(f"Expected an image that was read, got {content!r} for key {fetched.source.key!r}.")
    return ShardRow(
        **_source_columns(fetched.source, data),
        **_image_columns(content),
        **_payload_columns(file, content),
        status="kept",
        reason=reason,
        damaged=_is_damaged(fetched.source, content),
        zip_bytes=zip_bytes(to_rgb(content).data) if isinstance(content, Image) else None,
        zip_source_bytes=zip_bytes(data),
        run=run,
        encoded_at=datetime.now(UTC),
    )


def repeated_row(first: ShardRow, fetched: Fetched) -> ShardRow:
    """The row of an image whose file is byte for byte that of another, and was told and stored alike."""
    content = fetched.content
    return replace(
        first,
        **_source_columns(fetched.source, fetched.data),
        damaged=not isinstance(content, str) and _is_damaged(fetched.source, content),
        **(fetched.beside.versions if first.status == "coded" else {}),
        encoded_at=datetime.now(UTC),
    )


def failed_row(source: SourceImage, data: bytes | None, reason: str, *, run: str) -> ShardRow:
    """The row of an image that has no payload; without `data` its version stays unknown, so it is retried.

    The row of an image that the archive held and lost says so, and keeps the SHA-256 of what would bring it back and
    the quality at which it was coded.
    """
    columns = _source_columns(source, data)
    columns["source_sha256"] = source.prior.sha256 or columns["source_sha256"]
    shard = source.prior.shard
    return ShardRow(
        **columns,
        status="failed",
        reason=reason if shard is None else lost_reason(reason, shard),
        lost_shard=shard,
        quality=source.prior.quality,
        run=run,
        encoded_at=datetime.now(UTC),
    )


def _is_damaged(source: SourceImage, content: Image | Unmodelled) -> bool:
    """Whether a kept file is no sound image, though it is called one or begins like one."""
    if isinstance(content, Image) or content.fault is None:
        return False
    return content.fault == "damaged" or is_image_name(source.key)


def _source_columns(source: SourceImage, data: bytes | None) -> dict[str, Any]:
    read = data is not None
    return {
        "key": source.key,
        "source_url": source.url,
        "source_size": len(data) if data is not None else source.size,
        "source_etag": source.etag if read else None,
        "source_mtime": source.mtime if read else None,
        "source_sha256": hashlib.sha256(data).hexdigest() if data is not None else None,
    }


def _image_columns(image: Image | Unmodelled) -> dict[str, Any]:
    return {
        "source_format": image.source_format,
        "width": image.width,
        "height": image.height,
        "mode": image.mode,
        "bit_depth": image.bit_depth,
        "orientation": image.orientation,
    }


def _extras(image: Image) -> dict[str, Any]:
    return {
        "exif": image.exif,
        "icc": image.icc,
        "xmp": image.xmp,
        "alpha": image.alpha,
        "carried": pack_carried(image.carried),
    }


def _payload_columns(packed: Packed, image: Image | Unmodelled) -> dict[str, Any]:
    num_bytes = len(packed.payload)
    return {
        "packing": packed.packing,
        "payload": packed.payload,
        "payload_crc32c": google_crc32c.value(packed.payload),
        "bpp": bpp(num_bytes, image.width, image.height) if image.width and image.height else None,
    }
