"""Every packing by its name in the column `packing`: of files, byte for byte, and of pixels.

A name stays for ever, and so does what it means: archives hold such payloads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.errors import NewerFormatError
from pipeline.packing import deflated_file, grid_file, lepton, pixels, zstd
from pipeline.packing.pixels import Pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePacking:
    """How the bytes of a file are packed."""

    pack: Callable[[bytes], bytes | None] | None
    """None for a file that it does not take. A packing with a loss has none: `pack_bounded`."""
    unpack: Callable[[bytes, int], bytes]
    """From the payload and the size of the file, which bounds the memory taken; raises DamagedError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelPacking:
    """How 8-bit pixels are packed."""

    pack: Callable[[Pixels, bool], bytes | None]
    """From (H, W, 3) or (H, W, 1), and whether to look hard, as pays for drawings; None where it is not to be tried."""
    unpack: Callable[[bytes, tuple[int, int, int]], Pixels]
    """From the payload and the shape; raises DamagedError."""


LEPTON: Final = "lepton"
DEFLATED: Final = "deflated"
GRID_ZFP: Final = "grid-zfp"
"""The one with a loss."""

FILE_PACKINGS: Final[Mapping[str, FilePacking]] = {
    LEPTON: FilePacking(pack=lepton.pack, unpack=lepton.unpack),
    "grid-jxl": FilePacking(pack=grid_file.pack_as_jxl, unpack=grid_file.unpack_from_jxl),
    "grid-planes": FilePacking(pack=grid_file.pack_as_planes, unpack=grid_file.unpack_from_planes),
    GRID_ZFP: FilePacking(pack=None, unpack=grid_file.unpack_from_zfp),
    DEFLATED: FilePacking(pack=deflated_file.pack, unpack=deflated_file.unpack),
    "zstd": FilePacking(pack=zstd.pack, unpack=zstd.unpack),
}
PIXEL_PACKINGS: Final[Mapping[str, PixelPacking]] = {
    "jxl": PixelPacking(pack=pixels.pack_jxl, unpack=pixels.unpack_jxl),
    "webp": PixelPacking(pack=pixels.pack_webp, unpack=pixels.unpack_webp),
}


def file_packing(name: str) -> FilePacking:
    """A packing of files.

    Raises:
        NewerFormatError: none has that name here.
    """
    if name not in FILE_PACKINGS:
        raise _unknown(name, FILE_PACKINGS)
    return FILE_PACKINGS[name]


def pixel_packing(name: str) -> PixelPacking:
    """A packing of pixels.

    Raises:
        NewerFormatError: none has that name here.
    """
    if name not in PIXEL_PACKINGS:
        raise _unknown(name, PIXEL_PACKINGS)
    return PIXEL_PACKINGS[name]


def _unknown(name: str, choices: Mapping[str, object]) -> NewerFormatError:
    return NewerFormatError(
        f"Expected a payload packed as one of {', '.join(choices)}, got {name!r}. Install a newer Tenfold to read it."
    )
