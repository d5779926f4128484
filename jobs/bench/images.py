"""The images a benchmark runs on: every usable one of a folder, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from codec.bench.kodak import image_digest
from codec.contract import RGB
from pipeline.errors import SourceError, StorageError
from pipeline.image.read import read_image, to_rgb
from pipeline.source.parse import parse_source
from pipeline.source.source import Source
from pipeline.types import Image, SourceImage


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchImage:
    """One usable image. Can be pickled; its pixels are read when asked for."""

    source: Source
    image: SourceImage
    digest: str
    """sha256 of its size and RGB samples."""
    width: int
    height: int

    @property
    def key(self) -> str:
        """Its path below the folder."""
        return self.image.key

    def pixels(self) -> RGB:
        """Read it.

        Raises:
            SourceError: it is no longer what it was.
        """
        return _pixels(self.source, self.image)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchImages:
    """A folder, read through once."""

    usable: list[BenchImage]
    skipped: dict[str, str]
    """Key to reason."""

    @property
    def megapixels(self) -> float:
        """Of the usable ones together."""
        return sum(image.width * image.height for image in self.usable) / 1e6


def usable_images(folder: Path, *, count: int | None = None) -> BenchImages:
    """Read every image of a folder, or as many as give `count` usable ones; damaged and unmodelled ones are
    skipped.

    Raises:
        SourceError: there is no image, or none that can be used.
    """
    source = parse_source(str(folder))
    usable: list[BenchImage] = []
    skipped: dict[str, str] = {}
    for image in source.images():
        try:
            pixels = _pixels(source, image)
        except (SourceError, StorageError, FileNotFoundError) as error:
            skipped[image.key] = str(error)
            continue
        height, width = pixels.shape[:2]
        usable.append(
            BenchImage(source=source, image=image, digest=image_digest(pixels), width=width, height=height)
        )
        if len(usable) == count:
            break
    if not usable:
        reasons = "; ".join(f"{key}: {reason}" for key, reason in list(skipped.items())[:5])
        raise SourceError(
            f"Expected at least one usable image in {folder}, got {len(skipped)} that are not ({reasons}); "
            "a benchmark takes what the codec models: sound 8-bit images, one frame each."
        )
    return BenchImages(usable=usable, skipped=skipped)


def _pixels(source: Source, image: SourceImage) -> RGB:
    content = read_image(source.read(image))
    if not isinstance(content, Image):
        raise SourceError(content.reason)
    return to_rgb(content)
