"""Writes the golden payloads of packings that have none: `python -m tests.golden.packings.build`.

`<packing>.bin` is the payload; `<packing>.file` the file that comes back, or `<packing>.png` the pixels.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL.Image

from pipeline.packing.grid_file import pack_bounded
from pipeline.packing.registry import DEFLATED, FILE_PACKINGS, GRID_ZFP, PIXEL_PACKINGS
from tests.support.photographs import picture

FOLDER: Final = Path(__file__).parent


def _npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _jpeg() -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(picture(48, 64, seed=7)).save(stream, "JPEG", quality=90)
    return stream.getvalue() + b"a trailer"


def _png(grey: Any) -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(grey).save(stream, "PNG")
    return stream.getvalue()


def main() -> None:
    """Write what is missing; what is there stays."""
    field = np.sin(np.arange(30)[:, None] / 9) * np.cos(np.arange(40) / 7)
    files = {
        "lepton": _jpeg(),
        DEFLATED: _png(((field + 1) * 30000).astype(np.uint16)),
        "zstd": b"words that repeat, " * 20,
        "grid-jxl": b"P5 40 30 65535\n" + ((field + 1) * 30000).astype(">u2").tobytes() + b"tail",
        "grid-planes": _npy((field * 3e8).astype(">i4")),
        GRID_ZFP: _npy(field.astype(np.float32)),
    }
    for name, data in files.items():
        if (FOLDER / f"{name}.bin").exists():
            continue
        pack = FILE_PACKINGS[name].pack
        bounded = pack_bounded(data, 0.01)
        payload = pack(data) if pack is not None else bounded and bounded.payload
        assert payload, name
        (FOLDER / f"{name}.bin").write_bytes(payload)
        (FOLDER / f"{name}.file").write_bytes(FILE_PACKINGS[name].unpack(payload, len(data)))
    for name, packing in PIXEL_PACKINGS.items():
        if not (FOLDER / f"{name}.bin").exists():
            pixels = picture(24, 32, seed=7) // 32 * 32
            (FOLDER / f"{name}.bin").write_bytes(packing.pack(pixels, True) or b"")
            PIL.Image.fromarray(pixels).save(FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
