"""Rows of the catalogue as JSON, and how long what is listed may be kept."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa

from pipeline.archive.sorted_rows import Positions, SortedRows
from pipeline.decode.decoder_choice import decoders_beside_faithful
from pipeline.serve.routes.paths import quoted_key
from pipeline.types import CatalogueRow

_LISTED: Final = (
    "key",
    "status",
    "reason",
    "width",
    "height",
    "orientation",
    "source_format",
    "source_size",
    "payload_length",
    "bpp",
    "psnr_db",
    "encoded_at",
    "thumbhash",
    "preview_length",
)
"""What a list says of each image; of one image all is said."""


def listed(rows: SortedRows, positions: Positions) -> list[dict[str, Any]]:
    """Some images, each with its `position` in the order of the keys."""
    columns = rows.read(positions, _LISTED)
    values = [_plain_column(column) for column in columns.columns]
    return [
        {"position": int(position), **dict(zip(_LISTED, one, strict=True))}
        for position, one in zip(positions, zip(*values, strict=True), strict=True)
    ]


def one_image(row: CatalogueRow) -> dict[str, Any]:
    """All that the catalogue says of an image, what that comes to, and where its files are."""
    key = quoted_key(row.key)
    return {
        "row": {name: _plain(value) for name, value in asdict(row).items()},
        "facts": {
            "times_smaller_than_file": _ratio(row.source_size, row.payload_length),
            "times_smaller_than_zip": _ratio(row.zip_source_bytes, row.payload_length),
            "megapixels": None if row.width is None or row.height is None else row.width * row.height / 1e6,
        },
        "decoders": [
            {
                **asdict(one),
                "image": f"/image/{key}?decoder={one.name}",
                "iiif": f"/decoders/{one.name}/iiif/3/{key}/info.json",
                "manifest": f"/manifest/{key}?decoder={one.name}",
            }
            for decoder in decoders_beside_faithful(row)
            for one in decoder.offered()
        ],
        "links": {
            "page": f"/?image={quote(row.key, safe='')}",
            "image": f"/image/{key}",
            "raw": f"/raw/{key}",
            "preview": f"/preview/{key}",
            "iiif": f"/iiif/3/{key}/info.json",
            "manifest": f"/manifest/{key}",
        },
    }


def _ratio(larger: int | None, smaller: int | None) -> float | None:
    return larger / smaller if larger and smaller else None


def _plain_column(column: pa.Array) -> Sequence[Any]:
    if pa.types.is_timestamp(column.type):
        # without its zone first: Arrow takes 0.2 ms to find that of each value
        times = column.cast(pa.timestamp("us")).to_pylist()
        return [None if time is None else _plain(time.replace(tzinfo=UTC)) for time in times]
    values = column.to_pylist()
    is_ready = pa.types.is_string(column.type) or pa.types.is_integer(column.type)
    return values if is_ready else list(map(_plain, values))


def _plain(value: Any) -> Any:
    """A value in the types of JSON: bytes as base64, moments in UTC, no number that is none."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
