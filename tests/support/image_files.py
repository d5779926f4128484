"""Small image files: noise, waves, and metadata for them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

_UNREADABLE = ("/proc/self/mem", "/proc/thread-self/mem")


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 24), seed: int = 0) -> PIL.Image.Image:
    channels = len(PIL.Image.new(mode, (1, 1)).getbands())
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (size[1], size[0], channels), dtype=np.uint8)
    return PIL.Image.fromarray(np.squeeze(pixels, 2) if channels == 1 else pixels)


def file_of(image: PIL.Image.Image, fmt: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, fmt, **options)
    return stream.getvalue()


EXIF = PIL.Image.Exif()
EXIF[0x0112] = 6
EXIF[0x010F] = "Maker"
ICC = bytes(range(128)) * 4
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


def waves(seed: int, width: int = 64, height: int = 48) -> bytes:
    """A PNG that deflates badly and that `PlainCodec` codes well at low qualities."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    smooth = 128 + 90 * np.sin(rows / rng.uniform(5, 30)) * np.cos(columns / rng.uniform(5, 30))
    pixels = np.clip(smooth[:, :, None] + rng.normal(0, rng.uniform(2, 12), (height, width, 3)), 0, 255)
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def make_unreadable(path: Path) -> None:
    """Put a regular file there whose bytes nobody gets, root neither: reading it is an I/O error. Two in one folder."""
    path.unlink(missing_ok=True)
    there = {str(other.readlink()) for other in path.parent.iterdir() if other.is_symlink()}
    path.symlink_to(next(file for file in _UNREADABLE if file not in there))
