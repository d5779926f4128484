"""What names an image and its content, and what names a file made of it."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from codec.contract import FAITHFUL
from pipeline.decode.decoder_choice import shown_by
from pipeline.serve.view import View
from pipeline.types import CatalogueRow

RENDERER: Final = 2
"""Of the way in which files are made of views: another number where the same view gives other bytes that matter."""


def image_id(row: CatalogueRow) -> str:
    """The image as it was stored by one run: a shard never changes, and its name tells its bytes."""
    return f"{row.shard}#{row.row}"


def opened_id(row: CatalogueRow, view: View | None) -> str:
    """The image as it is held open for a view of it, by whoever decodes: another decoder opens it anew."""
    if view is None or row.status != "coded" or view.decoder == FAITHFUL:
        return image_id(row)
    return "@".join((image_id(row), view.decoder, *view.decoder_files))


def weak_etag(row: CatalogueRow, view: View) -> str:
    """Of a file made of an image. Pixels differ by a step or two between machines, so it is weak: 304, no ranges."""
    content = (row.key, row.payload_length, row.source_sha256, row.codec, row.weights, row.orientation)
    identity = repr((RENDERER, content, view, *shown_by(view.decoder, view.decoder_files))).encode()
    return f'W/"{_crc(row)}-{blake2b(identity, digest_size=12).hexdigest()}"'


def strong_etag(row: CatalogueRow) -> str:
    """Of the bytes that are stored, or of the file that they unpack to: the same bytes on every machine."""
    return f'"{_crc(row)}-{row.payload_length or 0:x}-{row.packing or "plain"}"'


def content_version(row: CatalogueRow) -> str:
    """What `?v=` says of an image whose content it names: the address of what never changes."""
    return _crc(row)


def _crc(row: CatalogueRow) -> str:
    return f"{row.payload_crc32c or 0:08x}-{row.extras_crc32c or 0:08x}"
