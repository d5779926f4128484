"""What is known of an image's file from its row alone: how it comes, and how long it is to the byte."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from codec.contract import FAITHFUL
from pipeline.decode.decoder_choice import shown_by
from pipeline.decode.opened_image import GREY_MODES
from pipeline.decode.view_size import Size, fitted
from pipeline.files.stored_png import PngLayout
from pipeline.image.formats.exif_turn import with_orientation
from pipeline.image.generated import marked_generated
from pipeline.types import WITH_PIXELS, CatalogueRow, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureForm:
    """How pictures are to come; kept files come as they are."""

    size: Size | None = None
    """That they are at most to have (pipeline/decode/view_size.py)."""
    decoder: str = FAITHFUL
    """What shows coded images."""
    generates: bool = False
    """Whether that decoder shows more than was stored: its pictures say so in XMP, and in nothing else there."""
    decoder_files: tuple[str, ...] = ()
    """Digests of the weights files that the archive keeps of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRow:
    """The columns of a `CatalogueRow` that tell what file an image comes as."""

    key: str
    status: Status
    reason: str | None
    source_size: int | None
    source_format: str | None
    width: int | None
    height: int | None
    mode: str | None
    orientation: int | None
    packing: str | None
    payload_length: int | None
    payload_crc32c: int | None
    exif_length: int | None
    icc_length: int | None
    xmp_length: int | None
    alpha_length: int | None
    extras_crc32c: int | None
    encoded_at: datetime


LISTED: Final = [field.name for field in fields(ListedRow)]
"""The columns of the catalogue that a listing reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One image that is not failed, as a file."""

    key: str
    status: Status
    size: int
    """Of the file, in bytes."""
    fmt: str | None
    """Pillow's name: PNG where its pixels are stored, else that of the file that was kept."""
    etag: str
    """Other bytes of the same key have another one."""
    encoded_at: datetime
    layout: PngLayout | None
    """Of the PNG that is written for it; None where a file was kept."""


def file_entry(row: CatalogueRow | ListedRow, form: PictureForm) -> FileEntry | None:
    """The file of an image; None of a failed one.

    Raises:
        ConfigError: a side is no number of pixels.
    """
    if row.payload_length is None:
        return None
    layout = _layout(row, form) if row.status in WITH_PIXELS else None
    kept_bytes = row.payload_length if row.packing is None else row.source_size or 0
    shown = shown_by(form.decoder, form.decoder_files) if row.status == "coded" else ()
    file_bytes = layout.size if layout else kept_bytes
    return FileEntry(
        key=row.key,
        status=row.status,
        size=file_bytes,
        fmt="PNG" if layout else row.source_format,
        etag="-".join(
            (f"{row.payload_crc32c or 0:08x}", f"{row.extras_crc32c or 0:08x}", str(file_bytes), *shown)
        ),
        encoded_at=row.encoded_at,
        layout=layout,
    )


def _layout(row: CatalogueRow | ListedRow, form: PictureForm) -> PngLayout:
    width, height = row.width or 0, row.height or 0
    exif_bytes, xmp_bytes = row.exif_length or 0, row.xmp_length or 0
    if form.size is not None:  # as `OpenedImage.view`: metadata of other pixels do not come along
        width, height = fitted(width, height, form.size)
        exif_bytes = len(with_orientation(None, row.orientation) or b"") if row.orientation else 0
        xmp_bytes = 0
    if form.generates and row.status == "coded":
        xmp_bytes = len(marked_generated(None, form.decoder))
    return PngLayout(
        width=width,
        height=height,
        channels=(1 if row.mode in GREY_MODES else 3) + (row.alpha_length is not None),
        icc_bytes=row.icc_length or 0,
        exif_bytes=exif_bytes,
        xmp_bytes=xmp_bytes,
    )
