"""The segments of a JPEG file, one after another, scans included: where each begins, ends and has its body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import SourceError

SOI, EOI, SOS, DNL, COM, APP0, APP15 = 0xD8, 0xD9, 0xDA, 0xDC, 0xFE, 0xE0, 0xEF
TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
"""Huffman tables, arithmetic conditions, quantisation tables, restart interval."""
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_LS = 0xF7
"""A frame of JPEG-LS, which lies among the markers that JPEG has reserved."""
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a body: temporary, restarts, the start of an image."""
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_IN_SCAN_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_HOLE = bytes(16)
"""A decoder takes zeros for picture data; real data do not end so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegSegment:
    """One segment; offsets are bytes from the start of the file, ends are exclusive."""

    marker: int
    start: int
    """Of its marker, or of the fill bytes before it."""
    body: int
    body_end: int
    end: int
    """Of a scan: the end of its picture data. Of all others: `body_end`."""


def segments(data: bytes) -> Iterator[JpegSegment]:
    """Every segment up to the end of the image. Bytes that begin none are passed over.

    The last segment is the end marker, or a scan that runs to the end of the file.

    Raises:
        SourceError: cut off inside a segment or before the first scan, or the file ends in a hole.
    """
    yield JpegSegment(marker=SOI, start=0, body=2, body_end=2, end=2)
    at, marker, has_scan = 2, SOI, False
    while marker != EOI:
        found = _MARKER.search(data, at)
        if found is None or (not has_scan and found.end() + 2 > len(data)):
            if has_scan:
                return
            raise SourceError(f"truncated JPEG: the header is cut off after {len(data):,} bytes")
        marker, start, body = data[found.start() + 1], _fill_start(data, at, found.start()), found.end()
        if marker == EOI and not has_scan:
            raise SourceError("damaged JPEG: it ends before any picture data")
        body_end = body if marker == EOI or marker in _BARE else _body_end(data, body, has_scan)
        end = _scan_end(data, body_end) if marker == SOS else body_end
        has_scan |= marker == SOS
        first = body if body == body_end else body + 2
        yield JpegSegment(marker=marker, start=start, body=min(first, body_end), body_end=body_end, end=end)
        at = end


def _fill_start(data: bytes, at: int, marker_at: int) -> int:
    """Where the fill bytes before a marker begin: all ones, any number of them."""
    start = marker_at
    while start > at and data[start - 1] == 0xFF:
        start -= 1
    return start


def _body_end(data: bytes, at: int, has_scan: bool) -> int:
    end = at + max(2, int.from_bytes(data[at : at + 2], "big"))
    if end <= len(data):
        return end
    if has_scan:
        raise SourceError(f"truncated JPEG: cut off after {len(data):,} bytes, between two scans")
    raise SourceError(
        f"truncated JPEG: the header is cut off after {len(data):,} bytes, "
        f"at least {end - len(data):,} are missing"
    )


def _scan_end(data: bytes, at: int) -> int:
    found = _IN_SCAN_MARKER.search(data, at)
    if found is not None:
        return found.start()
    if data.endswith(_HOLE):
        raise SourceError("truncated JPEG: the file ends in zeros (a transfer that never finished?)")
    return len(data)
