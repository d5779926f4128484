"""What loses nothing and a user might pick instead: general compressors, and image formats without loss.

The compressors are measured on the raw 24-bit pixels, as if one zipped an array, and on the source file as it lies
there; the image formats on the pixels. Sizes are of whole streams and files.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from PIL import Image

from codec.bench.libraries import library
from codec.contract import RGB, as_rgb
from codec.metrics import Pixels

Of = Literal["pixels", "file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """One image before anything was lost."""

    pixels: Pixels
    file: bytes
    """Its source file."""

    @property
    def rgb(self) -> RGB:
        """24-bit, also of a grey image: the raw of every ratio."""
        return as_rgb(self.pixels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lossless:
    """One way to store an image without loss."""

    id: str
    title: str
    of: Of
    """What goes in."""
    format: str
    """As `libraries.library` knows it."""
    settings: str
    encode: Callable[[Original], bytes]

    def size(self, original: Original) -> int:
        """Bytes that it takes.

        Raises:
            MissingLibraryError: the library is not here.
        """
        library(self.format)
        return len(self.encode(original))


def _packed(original: Original, *, of: Of, pack: Callable[[bytes], bytes]) -> bytes:
    return pack(original.rgb.tobytes() if of == "pixels" else original.file)


def _saved(original: Original, *, format_name: str, options: dict[str, Any]) -> bytes:
    """As an image file; grey stays grey, which a format may use."""
    pixels, file = original.pixels, io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, format_name, **options)
    return file.getvalue()


def _zstd(data: bytes) -> bytes:
    import zstandard  # only who asks for a comparison needs it

    return zstandard.ZstdCompressor(level=19).compress(data)


_COMPRESSORS: Final[tuple[tuple[str, str, str, Callable[[bytes], bytes]], ...]] = (
    ("zip", "ZLIB", "deflate, level 9", partial(zlib.compress, level=9)),
    ("zstd", "ZSTD", "level 19", _zstd),
    ("xz", "LZMA", "preset 6", lzma.compress),
    ("bz2", "BZ2", "level 9", bz2.compress),
)
_FORMATS: Final[tuple[tuple[str, str, str, dict[str, Any]], ...]] = (
    ("png", "PNG, optimised", "PNG", {"optimize": True}),
    ("webp_lossless", "WebP lossless", "WEBP", {"lossless": True, "method": 6}),
    ("jxl_lossless", "JPEG XL lossless", "JXL", {"lossless": True, "effort": 7, "num_threads": 1}),
)
_OF: Final[tuple[tuple[Of, str], ...]] = (("pixels", "the raw pixels"), ("file", "the source files"))

LOSSLESS: Final = (
    *(
        Lossless(
            id=f"{name}_{of}",
            title=f"{name} of {words}",
            of=of,
            format=format_name,
            settings=settings,
            encode=partial(_packed, of=of, pack=pack),
        )
        for of, words in _OF
        for name, format_name, settings, pack in _COMPRESSORS
    ),
    *(
        Lossless(
            id=name,
            title=title,
            of="pixels",
            format=format_name,
            settings=", ".join(f"{option}={value}" for option, value in options.items()),
            encode=partial(_saved, format_name=format_name, options=options),
        )
        for name, title, format_name, options in _FORMATS
    ),
)
