"""The file of one image: in the format that is wanted, or the file itself where it was kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.decode.file_form import DEFAULT_FORMAT, FileForm, writable_format
from pipeline.errors import RestoreError
from pipeline.image.file_formats import LOSSY, Format
from pipeline.image.read import read_image
from pipeline.image.write import write_image
from pipeline.image.write_within import write_within
from pipeline.packing.file_of import file_of
from pipeline.types import WITH_PIXELS, Image, ShardRow, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One file to write."""

    data: bytes
    fmt: Format | None
    """None for a kept or bounded file, which goes by its key."""
    width: int | None
    """Of its picture, in pixels; None where that is not known, as the height."""
    height: int | None
    description: str
    """What it is, for a person."""
    otherwise: str | None = None
    """Why it comes in another format than the one asked for."""
    generated_by: str | None = None
    """As `Image.generated_by`."""


def formats_of(
    status: Status, source_format: str | None, form: FileForm, *, is_view: bool
) -> tuple[Format | None, ...]:
    """The formats in which the file of an image may come unless `deliver` is strict; first the one that is meant.

    Args:
        is_view: `deliver_view` makes it.
    """
    fmt = form.format_of(source_format) if is_view else _format_of(status, source_format, form)
    if is_view or status in WITH_PIXELS:
        return tuple(dict.fromkeys((fmt, DEFAULT_FORMAT)))
    return (None,) if form.takes_original(source_format) else (fmt, None)


def deliver(row: ShardRow, decoded: Image | None, form: FileForm, *, strict: bool) -> Delivery:
    """Make the file of one image.

    Args:
        row: a stored image with its payload.
        decoded: the image that a coded or lossless row decodes to; None for kept and bounded rows.
        strict: raise where the wanted format cannot hold the image; otherwise a decoded image comes as PNG and
            any other as its file.
    Raises:
        RestoreError: strict, and the format cannot hold the image.
        DamagedError, NewerFormatError: as `file_of`.
    """
    if decoded is None:
        return _as_file(row, form, strict=strict)
    fmt = _format_of(row.status, row.source_format, form)
    unwritten = None
    if form.fmt == "source" and fmt != writable_format(row.source_format):
        is_lossy = writable_format(row.source_format) is not None
        unwritten = f"{row.source_format} {'would lose what was stored without loss' if is_lossy else 'is not written'}"
    words = "without loss" if row.status == "lossless" else f"decoded by {row.codec} at quality {row.quality}"
    words += _generated(decoded)
    try:
        return _written(row, decoded, fmt, form, words, unwritten)
    except RestoreError as error:
        if strict or fmt == DEFAULT_FORMAT:
            raise
        reason = str(error)
    return _written(
        row,
        decoded,
        DEFAULT_FORMAT,
        FileForm(),
        f"decoded{_generated(decoded)}; {fmt} cannot hold it",
        reason,
    )


def deliver_view(view: Image, form: FileForm, *, strict: bool) -> Delivery:
    """Make a file of an image in another size, or of a part of one: PNG where no format is asked for.

    Args:
        strict: raise where the wanted format cannot hold it; otherwise it comes as PNG.
    Raises:
        RestoreError: strict, and the format cannot hold it.
    """
    fmt, otherwise = form.format_of(view.source_format), None
    try:
        data = write_image(view, fmt, quality=form.quality if fmt in LOSSY else None)
    except RestoreError as error:
        if strict or fmt == DEFAULT_FORMAT:
            raise
        fmt, otherwise = DEFAULT_FORMAT, str(error)
        data = write_image(view, fmt)
    words = f"{view.width} x {view.height} pixels{_generated(view)}"
    return _delivery(data, view, fmt, words, otherwise)


def _format_of(status: Status, source_format: str | None, form: FileForm) -> Format:
    """What was stored without loss comes so, unless a format or a quality that loses something is asked for by name."""
    fmt = form.format_of(source_format)
    loses = fmt in LOSSY and fmt != "webp" and form.fmt == "source" and form.quality is None
    return DEFAULT_FORMAT if status == "lossless" and loses else fmt


def _as_file(row: ShardRow, form: FileForm, *, strict: bool) -> Delivery:
    file = file_of(row)
    words = f"the original file{of_format(row)}"
    if row.status == "bounded":
        words = f"the file{of_format(row)}, with samples at most {row.max_error:g} off"
    original = Delivery(data=file, fmt=None, width=row.width, height=row.height, description=words)
    if form.takes_original(row.source_format):
        return original
    fmt = form.format_of(row.source_format)
    content = read_image(file)
    reason = "" if isinstance(content, Image) else content.reason
    try:
        if isinstance(content, Image):
            return _written(row, content, fmt, form, f"converted from the original {row.source_format}")
    except RestoreError as error:
        reason = str(error)
    if strict:
        raise RestoreError(
            f"Expected an image that {fmt} can hold under key {row.key!r}, got the original "
            f"file{of_format(row)}, kept as it was: {reason}. Ask for it without a format, and under a name that says "
            "none."
        )
    return replace(original, otherwise=reason)


def _generated(image: Image) -> str:
    """What is said of a picture that shows more than was stored."""
    return "" if image.generated_by is None else f", generated by {image.generated_by}"


def of_format(row: ShardRow) -> str:
    """What is said of a file that was kept: `, JPEG`, or nothing where no reader knows it."""
    return f", {row.source_format}" if row.source_format else ""


def _written(
    row: ShardRow, image: Image, fmt: Format, form: FileForm, words: str, otherwise: str | None = None
) -> Delivery:
    quality = form.quality if fmt in LOSSY else None
    if form.fmt == "source" and quality is None and row.status != "lossless":
        data = write_within(image, fmt, row.source_size)
    else:
        data = write_image(image, fmt, quality=quality)
    return _delivery(data, image, fmt, words, otherwise)


def _delivery(data: bytes, image: Image, fmt: Format, words: str, otherwise: str | None) -> Delivery:
    """The file that was written of an image."""
    return Delivery(
        data=data,
        fmt=fmt,
        width=image.width,
        height=image.height,
        description=f"{fmt}, {words}",
        generated_by=image.generated_by,
        otherwise=otherwise,
    )
