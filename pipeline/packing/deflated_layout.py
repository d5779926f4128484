"""Where deflated samples lie in a file: PNG with 8 or 16 bits a sample, and TIFF with strips or tiles."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import tifffile

from pipeline.errors import DamagedError
from pipeline.packing import stored_rows
from pipeline.packing.find_grid import TIFF_MAGICS
from pipeline.packing.grid import is_number
from pipeline.packing.tiff_pages import pages_of

Segment = tuple[int, int]
"""Where some bytes of a stream lie in the file, and how many."""
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_BANDS: Final = {0: 1, 2: 3, 4: 2, 6: 4}
"""By PNG's colour type; a palette's indices are no samples."""
_DEFLATE: Final = (8, 32946)
_PREDICTORS: Final = {1: stored_rows.PLAIN, 2: stored_rows.DIFFERENCE, 3: stored_rows.FLOAT}
_MOST_SEGMENTS: Final = 100_000
_MOST_WIDTH: Final = 2**24
_MOST_BANDS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All streams that are alike, in the order of the picture."""

    kind: str
    """Of `stored_rows`."""
    dtype: str
    """NumPy's name with the byte order of the file."""
    width: int
    bands: int
    streams: tuple[tuple[Segment, ...], ...]

    @property
    def num_bytes(self) -> int:
        """Of all streams, as they lie in the file."""
        return sum(length for stream in self.streams for _, length in stream)

    @property
    def row_bytes(self) -> int:
        """Of one row, inflated."""
        return stored_rows.row_bytes(self.kind, self.width, self.bands, np.dtype(self.dtype))

    def segments(self) -> list[Segment]:
        """In the order of the file."""
        return sorted(segment for stream in self.streams for segment in stream)

    def is_within(self, size: int) -> bool:
        """Whether a file of that many bytes can hold these streams, without two that share a byte."""
        dtype = np.dtype(self.dtype)
        if self.kind not in stored_rows.KINDS or not is_number(dtype) or not self.streams:
            return False
        if not (0 < self.width <= _MOST_WIDTH and 0 < self.bands <= _MOST_BANDS):
            return False
        if self.kind == stored_rows.FLOAT and dtype.kind != "f":
            return False
        end = 0
        for offset, length in self.segments():
            if offset < end or length < 0:
                return False
            end = offset + length
        return end <= size

    def to_json(self) -> bytes:
        """As a payload holds it: each segment by its distance from the end of the one before, and its length."""
        streams, end = [], 0
        for stream in self.streams:
            numbers: list[int] = []
            for offset, length in stream:
                numbers += offset - end, length
                end = offset + length
            streams.append(numbers)
        fields = {"kind": self.kind, "dtype": self.dtype, "width": self.width, "bands": self.bands}
        return json.dumps({**fields, "streams": streams}, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Layout:
        """Undo `to_json`.

        Raises:
            DamagedError: it is something else.
        """
        try:
            fields = json.loads(data)
            dtype, width, bands = np.dtype(str(fields["dtype"])), int(fields["width"]), int(fields["bands"])
            streams, end = [], 0
            for numbers in fields["streams"]:
                stream: list[Segment] = []
                for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
                    stream.append((end + int(gap), int(length)))
                    end = sum(stream[-1])
                streams.append(tuple(stream))
        except (ValueError, KeyError, TypeError, SyntaxError, OverflowError, RecursionError) as error:
            raise DamagedError(
                f"Expected where streams lie in a file, got something else: {error!r}."
            ) from error
        return cls(
            kind=str(fields.get("kind")), dtype=dtype.str, width=width, bands=bands, streams=tuple(streams)
        )


def find_deflated(data: bytes) -> Layout | None:
    """Where the deflated samples of a file lie; None where there are none, or of a sort that is not taken."""
    try:
        found = _png(data) if data.startswith(_PNG) else _tiff(data) if data.startswith(TIFF_MAGICS) else None
    except Exception:  # noqa: BLE001 the row boundary: headers lie in every way
        return None
    return found if found is not None and found.is_within(len(data)) else None


def _png(data: bytes) -> Layout | None:
    width, _, bits, colour_type, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    if bits not in (8, 16) or colour_type not in _BANDS or interlace:
        return None
    segments = tuple(_chunks(data, b"IDAT"))
    if not segments or len(segments) > _MOST_SEGMENTS:
        return None
    return Layout(
        kind=stored_rows.PNG,
        dtype="|u1" if bits == 8 else ">u2",
        width=width,
        bands=_BANDS[colour_type],
        streams=(segments,),
    )


def _chunks(data: bytes, name: bytes) -> Iterator[Segment]:
    at = len(_PNG)
    while at + 12 <= len(data) and data[at + 4 : at + 8] != b"IEND":
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == name and at + 12 + length <= len(data):
            yield at + 8, length
        at += 12 + length


def _tiff(data: bytes) -> Layout | None:
    """The largest set of pages that are alike; the others stay in the skeleton."""
    alike: dict[tuple[str, str, int, int], dict[int, int]] = {}
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        for page in pages_of(file):
            keyframe = page.keyframe
            if keyframe.compression not in _DEFLATE or keyframe.predictor not in _PREDICTORS:
                continue
            if keyframe.fillorder != 1 or not _is_whole(keyframe.dtype, keyframe.bitspersample):
                continue
            dtype = np.dtype(keyframe.dtype).newbyteorder(file.byteorder).str
            bands = keyframe.samplesperpixel if keyframe.planarconfig == 1 else 1
            width = keyframe.tilewidth if keyframe.is_tiled else keyframe.imagewidth
            streams = alike.setdefault((_PREDICTORS[keyframe.predictor], dtype, width, bands), {})
            streams.update(zip(page.dataoffsets, page.databytecounts, strict=True))
    layouts = [
        Layout(
            kind=kind,
            dtype=dtype,
            width=width,
            bands=bands,
            streams=tuple(((offset, length),) for offset, length in streams.items() if offset and length),
        )
        for (kind, dtype, width, bands), streams in alike.items()
    ]
    found = max(layouts, key=lambda layout: layout.num_bytes, default=None)
    return found if found is not None and len(found.streams) <= _MOST_SEGMENTS else None


def _is_whole(dtype: Any, bits: int) -> bool:
    return dtype is not None and bits == 8 * np.dtype(dtype).itemsize
