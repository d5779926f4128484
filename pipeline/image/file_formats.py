"""The formats in which an image can be written back. Nothing here needs a library for images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final, Literal

Format = Literal["png", "jpeg", "webp", "avif"]

FORMATS: Final[Mapping[Format, tuple[str, ...]]] = {
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg"),
    "webp": (".webp",),
    "avif": (".avif",),
}
"""Their extensions; the first is the one given to new files."""
LOSSY: Final[frozenset[Format]] = frozenset({"jpeg", "webp", "avif"})
"""Those that take a quality."""


def format_of_path(path: str) -> Format | None:
    """The format that a file name's extension asks for; None when it is none of `FORMATS`."""
    suffix = PurePosixPath(path).suffix.lower()
    return next((fmt for fmt, suffixes in FORMATS.items() if suffix in suffixes), None)
