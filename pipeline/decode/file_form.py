"""How the files of images are to come: in which format, at which quality, under which names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from pipeline.errors import ConfigError
from pipeline.image.file_formats import LOSSY, Format

OutputFormat = Literal["png", "jpeg", "webp", "avif", "source"]
"""`source`: the one in which the image came."""
NamePolicy = Literal["append", "replace", "keep"]
"""What becomes of `a.jpg` that comes as PNG: `a.jpg.png`; `a.png`, where no other image could be called so; `a.jpg`."""

DEFAULT_FORMAT: Format = "png"
"""Lossless: what the codec decoded, bit for bit."""
_OF_SOURCE: Final[Mapping[str, Format]] = {
    "JPEG": "jpeg",
    "MPO": "jpeg",
    "PNG": "png",
    "WEBP": "webp",
    "AVIF": "avif",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileForm:
    """How files are to come."""

    fmt: OutputFormat | None = None
    """None for PNG where an image was coded, and for the original file where it was kept."""
    quality: int | None = None
    """1 (smallest) to 100, of lossy formats. None for what suits the format; with `source`, for the best that makes no
    file larger than the original was."""
    names: NamePolicy = "append"

    def __post_init__(self) -> None:
        """See that quality and format go together."""
        if self.quality is None:
            return
        if self.fmt not in (*LOSSY, "source") or not 1 <= self.quality <= 100:
            raise ConfigError(
                f"Expected a quality of 1 to 100 with one of the formats jpeg, webp, avif and source, got "
                f"{self.quality} with {self.fmt or DEFAULT_FORMAT}."
            )

    def of(self, fmt: OutputFormat | None) -> FileForm:
        """The form of an image for which a format is asked that may be another one; None for this form."""
        if fmt in (None, self.fmt):
            return self
        return replace(self, fmt=fmt, quality=self.quality if fmt in (*LOSSY, "source") else None)

    def format_of(self, source_format: str | None) -> Format:
        """The format in which a decoded image is to come."""
        if self.fmt == "source":
            return writable_format(source_format) or DEFAULT_FORMAT
        return self.fmt or DEFAULT_FORMAT

    def takes_original(self, source_format: str | None) -> bool:
        """Whether the original file is what is asked for, where it was kept."""
        return self.fmt in (None, "source") or writable_format(source_format) == self.fmt


def writable_format(source_format: str | None) -> Format | None:
    """The format in which a file of Pillow's name for a format can be written again; None for most."""
    return _OF_SOURCE.get((source_format or "").upper())
