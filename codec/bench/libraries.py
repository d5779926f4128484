"""Which library stands behind a number here, at which version, or why there is none: formats, compressors, measures."""

from __future__ import annotations

import importlib
import platform
import zlib
from collections.abc import Callable
from functools import cache
from importlib import metadata
from typing import Any, Final

from PIL import _avif, features

from codec.errors import CodecError

INSTALL: Final = "pip install 'tenfold[bench]'"
INSTALL_VISION: Final = "pip install 'tenfold[vision]'"


class MissingLibraryError(CodecError):
    """The library of a codec is not installed here, or was built without what we need."""


@cache
def library(format_name: str) -> str:
    """Name and version of the library behind a format, a compressor or a measure, after making Pillow know it.

    Raises:
        MissingLibraryError: it is not here; the text says what to do.
    """
    return _LIBRARIES[format_name]()


def why_missing(format_name: str) -> str | None:
    """Why the library behind a format, a compressor or a measure is not here, and what to do; None if it is here."""
    try:
        library(format_name)
    except MissingLibraryError as error:
        return str(error)
    return None


def _jpeg() -> str:
    _check("jpg", "JPEG")
    turbo = features.version("libjpeg_turbo")
    return f"{_pillow()}, " + (f"libjpeg-turbo {turbo}" if turbo else f"libjpeg {features.version('jpg')}")


def _webp() -> str:
    _check("webp", "WebP")
    return f"{_pillow()}, libwebp {features.version('webp')}"


def _avif_library() -> str:
    _check("avif", "AVIF")
    return f"{_pillow()}, libavif {features.version('avif')}, {_avif.codec_versions()}"


def _jpeg_xl() -> str:
    _import("pillow_jxl", "pillow-jxl-plugin")  # registers the format
    return f"pillow-jxl-plugin {metadata.version('pillow-jxl-plugin')}"


def _heic() -> str:
    pillow_heif = _import("pillow_heif", "pillow-heif")
    info = pillow_heif.libheif_info()
    if "x265" not in info["encoders"]:
        raise MissingLibraryError(
            f"pillow-heif {pillow_heif.__version__} here has no x265, so it writes no HEIC"
        )
    pillow_heif.register_heif_opener()
    return f"pillow-heif {pillow_heif.__version__}, libheif {info['libheif']}, {info['encoders']['x265']}"


def _png() -> str:
    _check("zlib", "zlib")
    return f"{_pillow()}, zlib {features.version('zlib')}"


def _zlib() -> str:
    return f"{_python()}, zlib {zlib.ZLIB_RUNTIME_VERSION}"


def _zstd() -> str:
    zstandard = _import("zstandard", "zstandard", install="pip install zstandard")
    return f"zstandard {zstandard.__version__}, libzstd {'.'.join(map(str, zstandard.ZSTD_VERSION))}"


def _ssimulacra2() -> str:
    return f"ssimulacra2 {_import('ssimulacra2', 'ssimulacra2').__version__}"


def _opencv() -> str:
    return f"OpenCV {_import('cv2', 'opencv-python-headless', install=INSTALL_VISION).__version__}"


def _scikit_image() -> str:
    return f"scikit-image {_import('skimage', 'scikit-image', install=INSTALL_VISION).__version__}"


def _python() -> str:
    """Python does not say which liblzma and libbz2 it was built with."""
    return f"Python {platform.python_version()}"


def _pillow() -> str:
    return f"Pillow {metadata.version('pillow')}"


def _import(module: str, package: str, *, install: str = INSTALL) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingLibraryError(f"{package} is not installed: {install}") from error


def _check(feature: str, name: str) -> None:
    if not features.check(feature):
        raise MissingLibraryError(f"{_pillow()} here was built without {name}: install a wheel from PyPI")


_LIBRARIES: Final[dict[str, Callable[[], str]]] = {
    "JPEG": _jpeg,
    "WEBP": _webp,
    "AVIF": _avif_library,
    "JXL": _jpeg_xl,
    "HEIF": _heic,
    "PNG": _png,
    "ZLIB": _zlib,
    "ZSTD": _zstd,
    "LZMA": lambda: f"{_python()}, lzma",
    "BZ2": lambda: f"{_python()}, bz2",
    "SSIMULACRA2": _ssimulacra2,
    "OPENCV": _opencv,
    "SCIKIT-IMAGE": _scikit_image,
}
