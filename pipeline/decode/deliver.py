"""The file of one image: in the format that is wanted, or the original where it was kept."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import RestoreError
from pipeline.image.read import read_image
from pipeline.image.write import FORMATS, Format, write_image
from pipeline.types import Image, ShardRow

DEFAULT_FORMAT: Format = "png"
"""Lossless: what the codec decoded, bit for bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One file to write."""

    data: bytes
    extensions: tuple[str, ...] | None
    """Names this file may end in; None for a kept original, which goes by its key."""
    description: str
    """What it is, for a person."""


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
    original = Delivery(data=payload, extensions=None, description=f"the original {row.source_format} file")
    if wanted is None or (row.source_format or "").lower() == wanted:
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


def _written(image: Image, fmt: Format, description: str) -> Delivery:
    return Delivery(
        data=write_image(image, fmt), extensions=FORMATS[fmt], description=f"{fmt}, {description}"
    )
