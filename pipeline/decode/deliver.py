"""The file of one image: in the format that is wanted, or the original where it was kept."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import RestoreError
from pipeline.image.read import read_image
from pipeline.image.write import Format, write_image
from pipeline.types import Image, ShardRow, Status

DEFAULT_FORMAT: Format = "png"
"""Lossless: what the codec decoded, bit for bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One file to write."""

    data: bytes
    fmt: Format | None
    """None for a kept original, which goes by its key."""
    description: str
    """What it is, for a person."""


def formats_of(status: Status, source_format: str | None, wanted: Format | None) -> tuple[Format | None, ...]:
    """The formats in which the file of an image may come unless `deliver` is strict; first the one that is meant."""
    if status == "coded":
        return tuple(dict.fromkeys((wanted or DEFAULT_FORMAT, DEFAULT_FORMAT)))
    return (None,) if _is_original_asked(source_format, wanted) else (wanted, None)


def deliver(row: ShardRow, decoded: Image | None, wanted: Format | None, *, strict: bool) -> Delivery:
    """Make the file of one image.

    Args:
        row: a coded or kept image with its payload.
        decoded: the image a coded row decodes to; None for kept rows.
        wanted: the output format; None for PNG where coded, and the original file where kept.
        strict: raise where the wanted format cannot hold the image; otherwise a coded image comes as PNG and
            a kept one as its original bytes.
    Raises:
        RestoreError: strict, and the format cannot hold the image.
    """
    if decoded is None:
        return _kept(row, wanted, strict=strict)
    fmt = wanted or DEFAULT_FORMAT
    try:
        return _written(decoded, fmt, f"decoded by {row.codec} at quality {row.quality}")
    except RestoreError:
        if strict:
            raise
        return _written(decoded, DEFAULT_FORMAT, f"decoded; {fmt} cannot hold it")


def _kept(row: ShardRow, wanted: Format | None, *, strict: bool) -> Delivery:
    payload = row.payload or b""
    original = Delivery(data=payload, fmt=None, description=f"the original {row.source_format} file")
    if wanted is None or _is_original_asked(row.source_format, wanted):
        return original
    content = read_image(payload)
    reason = "" if isinstance(content, Image) else content.reason
    try:
        if isinstance(content, Image):
            return _written(content, wanted, f"converted from the original {row.source_format}")
    except RestoreError as error:
        reason = str(error)
    if strict:
        raise RestoreError(
            f"Expected an image that {wanted} can hold under key {row.key!r}, got the original "
            f"{row.source_format}, kept as it was: {reason}. Ask for it without a format."
        )
    return original


def _is_original_asked(source_format: str | None, wanted: Format | None) -> bool:
    return wanted is None or (source_format or "").lower() == wanted


def _written(image: Image, fmt: Format, description: str) -> Delivery:
    return Delivery(data=write_image(image, fmt), fmt=fmt, description=f"{fmt}, {description}")
