"""What the driver and the decoder workers say to each other. Images never travel: workers write the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pipeline.config import CompressConfig
from pipeline.decode.file_form import FileForm
from pipeline.image.file_formats import Format
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow

if TYPE_CHECKING:  # the worker brings all that unpacks: it is imported where it is built
    from pipeline.decode.worker import DecoderWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the file of an image goes, should it come in this format."""

    fmt: Format | None
    """None for a kept original."""
    asked: str
    """The name by key and format, whether or not the destination can hold it."""
    path: str
    """Below the destination."""
    replaces: bool = False
    """A file that lies there already is written over: the user said so, and it is no original."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedImage:
    """One image to write."""

    row: CatalogueRow
    places: tuple[Place, ...]
    """One for each format in which it may come."""

    @property
    def key(self) -> str:
        """Its name in the archive."""
        return self.row.key

    def place(self, fmt: Format | None) -> Place:
        """Where it goes in the format in which it came."""
        return next(place for place in self.places if place.fmt == fmt)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeTask:
    """Write some images of one shard."""

    shard: str
    images: tuple[WantedImage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeResult:
    """What became of a task's images."""

    written: int
    written_bytes: int
    pixels: int
    failed: tuple[tuple[str, str], ...]
    """(key, reason)."""
    renamed: tuple[tuple[str, str], ...] = ()
    """(key, path below the destination) of files that could not be called what they should."""
    otherwise: tuple[tuple[str, str], ...] = ()
    """(key, reason) of files in another format than was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderSpec:
    """Builds a decoder where it will live."""

    does: ClassVar[str] = "decode"
    wants_gpu: ClassVar[bool] = True

    archive_url: str
    destination_url: str
    form: FileForm
    config: CompressConfig

    def build(self, *, threads: int) -> DecoderWorker:
        """Open the stores; codecs are loaded as rows ask for them."""
        from pipeline.decode.worker import DecoderWorker

        return DecoderWorker(
            Storage(self.archive_url, self.config.storage),
            Storage(self.destination_url, self.config.storage),
            form=self.form,
            batch_pixels=int(self.config.workers.batch_megapixels * 1e6),
            threads=threads,
        )
