"""Which library stands behind each of Pillow's formats here, at which version, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import metadata
from typing import Final

from PIL import _avif, features

from codec.errors import CodecError

INSTALL: Final = "pip install 'tenfold[bench]'"


class MissingLibraryError(CodecError):
    """The library of a codec is not installed here, or was built without what we need."""


@cache
def library(format_name: str) -> str:
    """Name and version of the library that writes a format, after making Pillow know it.

    Raises:
        MissingLibraryError: it is not here; the text says what to do.
    """
    return _LIBRARIES[format_name]()


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
    try:
        import pillow_jxl  # noqa: F401 (registers the format)
    except ImportError as error:
        raise MissingLibraryError(f"pillow-jxl-plugin is not installed: {INSTALL}") from error
    return f"pillow-jxl-plugin {metadata.version('pillow-jxl-plugin')}"


def _heic() -> str:
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingLibraryError(f"pillow-heif is not installed: {INSTALL}") from error
    info = pillow_heif.libheif_info()
    if "x265" not in info["encoders"]:
        raise MissingLibraryError(
            f"pillow-heif {pillow_heif.__version__} here has no x265, so it writes no HEIC"
        )
    pillow_heif.register_heif_opener()
    return f"pillow-heif {pillow_heif.__version__}, libheif {info['libheif']}, {info['encoders']['x265']}"


def _pillow() -> str:
    return f"Pillow {metadata.version('pillow')}"


def _check(feature: str, name: str) -> None:
    if not features.check(feature):
        raise MissingLibraryError(f"{_pillow()} here was built without {name}: install a wheel from PyPI")


_LIBRARIES: Final[dict[str, Callable[[], str]]] = {
    "JPEG": _jpeg,
    "WEBP": _webp,
    "AVIF": _avif_library,
    "JXL": _jpeg_xl,
    "HEIF": _heic,
}
