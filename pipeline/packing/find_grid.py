"""Which samples of a file lie in it uncompressed: TIFF through tifffile, and formats of a header and then samples."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from typing import Final

import numpy as np
import tifffile

from pipeline.packing.grid import Grid, Run, merged
from pipeline.packing.plain_formats import bmp, fits, npy, pnm, tga
from pipeline.packing.tiff_pages import pages_of

_LEAST_BYTES: Final = 1024
"""A smaller grid is not worth its head."""
_LEAST_SHARE: Final = 0.25
"""Of a file: TGA has no magic, so that what is no picture at all may look like one."""
TIFF_MAGICS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MOST_SEGMENTS: Final = 100_000

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # damaged files are met all the time


def find_grid(data: bytes) -> Grid | None:
    """Where the samples of a file lie; None when they are compressed, few, or none are found."""
    try:
        grid = _tiff(data) if data.startswith(TIFF_MAGICS) else _plain(data)
    except Exception:  # noqa: BLE001 the row boundary: headers lie in every way
        return None
    if grid is None or not grid.is_within(len(data)):
        return None
    return grid if grid.num_bytes >= max(_LEAST_BYTES, _LEAST_SHARE * len(data)) else None


def _plain(data: bytes) -> Grid | None:
    for find in (bmp, pnm, npy, fits):
        if (grid := find(data)) is not None:
            return grid
    return tga(data)  # last: it has no magic


def _tiff(data: bytes) -> Grid | None:
    """The largest set of pages that are alike; the others stay in the skeleton."""
    alike: dict[tuple[str, int, int], list[Run]] = {}
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        for page in pages_of(file):
            keyframe = page.keyframe
            if keyframe.compression != 1 or keyframe.predictor != 1 or keyframe.fillorder != 1:
                continue
            if keyframe.dtype is None or keyframe.bitspersample != 8 * keyframe.dtype.itemsize:
                continue
            dtype = keyframe.dtype.newbyteorder(file.byteorder).str
            bands = keyframe.samplesperpixel if keyframe.planarconfig == 1 else 1
            width = keyframe.tilewidth if keyframe.is_tiled else keyframe.imagewidth
            row_bytes = width * bands * keyframe.dtype.itemsize
            runs = alike.setdefault((dtype, width, bands), [])
            runs += _segments(page.dataoffsets, page.databytecounts, row_bytes)
    if not alike or sum(map(len, alike.values())) > _MOST_SEGMENTS:
        return None
    grids = [
        Grid(
            dtype=dtype, width=width, bands=bands, runs=_apart(runs, width * bands * np.dtype(dtype).itemsize)
        )
        for (dtype, width, bands), runs in alike.items()
    ]
    return max(grids, key=lambda grid: grid.num_bytes)


def _segments(offsets: Sequence[int], counts: Sequence[int], row_bytes: int) -> list[Run]:
    """Strips or tiles; what is left of a row at the end of one stays in the skeleton."""
    return [
        Run(offset=offset, rows=count // row_bytes, stride=row_bytes)
        for offset, count in zip(offsets, counts, strict=True)
        if offset and count >= row_bytes
    ]


def _apart(runs: Sequence[Run], row_bytes: int) -> tuple[Run, ...]:
    """In the order of the picture, each place once: two pages may share their strips."""
    once = {run.offset: run for run in runs}
    return merged(list(once.values()), row_bytes)
