"""The file of one image: in the format that is wanted, or the original where it was kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.decode.file_form import DEFAULT_FORMAT, FileForm, writable_format
from pipeline.errors import RestoreError
from pipeline.image.read import read_image
from pipeline.image.write import Format, write_image
from pipeline.image.write_within import LOSSY, write_within
from pipeline.types import Image, ShardRow, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One file to write."""

    data: bytes
    fmt: Format | None
    """None for a kept original, which goes by its key."""
    description: str
    """What it is, for a person."""
    otherwise: str | None = None
    """Why it comes in another format than the one asked for."""


def formats_of(status: Status, source_format: str | None, form: FileForm) -> tuple[Format | None, ...]:
    """The formats in which the file of an image may come unless `deliver` is strict; first the one that is meant."""
    fmt = form.format_of(source_format)
    if status == "coded":
        return tuple(dict.fromkeys((fmt, DEFAULT_FORMAT)))
    return (None,) if form.takes_original(source_format) else (fmt, None)


def deliver(row: ShardRow, decoded: Image | None, form: FileForm, *, strict: bool) -> Delivery:
    """Make the file of one image.

    Args:
        row: a coded or kept image with its payload.
        decoded: the image a coded row decodes to; None for kept rows.
        strict: raise where the wanted format cannot hold the image; otherwise a coded image comes as PNG and
            a kept one as its original bytes.
    Raises:
        RestoreError: strict, and the format cannot hold the image.
    """
    if decoded is None:
        return _kept(row, form, strict=strict)
    fmt = form.format_of(row.source_format)
    unwritten = None
    if form.fmt == "source" and writable_format(row.source_format) is None:
        unwritten = f"{row.source_format} is not written"
    try:
        return _written(
            row, decoded, fmt, form, f"decoded by {row.codec} at quality {row.quality}", unwritten
        )
    except RestoreError as error:
        if strict or fmt == DEFAULT_FORMAT:
            raise
        reason = str(error)
    return _written(row, decoded, DEFAULT_FORMAT, FileForm(), f"decoded; {fmt} cannot hold it", reason)


def _kept(row: ShardRow, form: FileForm, *, strict: bool) -> Delivery:
    payload = row.payload or b""
    original = Delivery(data=payload, fmt=None, description=f"the original file{_of_format(row)}")
    if form.takes_original(row.source_format):
        return original
    fmt = form.format_of(row.source_format)
    content = read_image(payload)
    reason = "" if isinstance(content, Image) else content.reason
    try:
        if isinstance(content, Image):
            return _written(row, content, fmt, form, f"converted from the original {row.source_format}")
    except RestoreError as error:
        reason = str(error)
    if strict:
        raise RestoreError(
            f"Expected an image that {fmt} can hold under key {row.key!r}, got the original "
            f"{row.source_format}, kept as it was: {reason}. Ask for it without a format."
        )
    return replace(original, otherwise=reason)


def _of_format(row: ShardRow) -> str:
    return f", {row.source_format}" if row.source_format else ""


def _written(
    row: ShardRow, image: Image, fmt: Format, form: FileForm, description: str, otherwise: str | None = None
) -> Delivery:
    quality = form.quality if fmt in LOSSY else None
    if form.fmt == "source" and quality is None:
        data = write_within(image, fmt, row.source_size)
    else:
        data = write_image(image, fmt, quality=quality)
    return Delivery(data=data, fmt=fmt, description=f"{fmt}, {description}", otherwise=otherwise)
