"""What the driver and the decoder workers say to each other. Images never travel: workers write the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pipeline.config import CompressConfig
from pipeline.decode.file_form import FileForm
from pipeline.decode.outlet import OutputKind
from pipeline.decode.view_size import Region
from pipeline.image.file_formats import Format
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow

if TYPE_CHECKING:  # the worker brings all that unpacks: it is imported where it is built
    from pipeline.decode.worker import DecoderWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlace:
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

    position: int
    """In its planned task, whatever parts that is split into."""
    row: CatalogueRow
    form: FileForm
    places: tuple[FilePlace, ...]
    """One for each format in which it may come."""
    name: str | None = None
    """What whoever asked for it wants it to be called; None for its key."""
    size: int | None = None
    """The longer side at most, in pixels; None for as large as it is."""
    region: Region | None = None
    """The part that is wanted; None for all of it."""
    decoder: str | None = None
    """What shows it where it is coded; None for what shows all others."""

    @property
    def key(self) -> str:
        """Its name in the archive."""
        return self.row.key

    @property
    def is_view(self) -> bool:
        """Whether other pixels are wanted than the image has."""
        return self.size is not None or self.region is not None

    def place(self, fmt: Format | None) -> FilePlace:
        """Where it goes in the format in which it came."""
        return next(place for place in self.places if place.fmt == fmt)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeTask:
    """Write some images, those of one shard one after the other."""

    number: int
    """Of the planned task, which this is, or a part of."""
    images: tuple[WantedImage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One image that was written."""

    position: int
    """As `WantedImage.position`."""
    path: str
    """Of its file below the destination; in a pack, the name that it has there."""
    num_bytes: int
    pack: str | None = None
    """Path of the pack in which it lies."""
    is_renamed: bool = False
    """Its path is not what the key asks for, or stands for a name whose bytes are no text."""
    otherwise: str | None = None
    """Why its format is another one than was asked for."""

    @classmethod
    def from_tuple(cls, values: Sequence[Any]) -> Self:
        """Undo `dataclasses.astuple`."""
        return cls(**dict(zip((field.name for field in fields(cls)), values, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeResult:
    """What became of a task's images."""

    delivered: tuple[Delivered, ...]
    failed: tuple[tuple[int, str], ...]
    """(position, reason)."""
    pixels: int

    @property
    def packs(self) -> set[str]:
        """Paths of the packs in which they lie."""
        return {one.pack for one in self.delivered if one.pack is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderSpec:
    """Builds a decoder where it will live."""

    does: ClassVar[str] = "decode"
    wants_gpu: ClassVar[bool] = True

    archive_url: str
    destination_url: str
    to: OutputKind
    pack_prefix: str
    """What the names of packs begin with."""
    decoder: str
    """What shows coded images that are not asked for by another."""
    config: CompressConfig

    def build(self, *, threads: int) -> DecoderWorker:
        """Open the stores; codecs are loaded as rows ask for them."""
        from pipeline.decode.worker import DecoderWorker

        return DecoderWorker(
            Storage(self.archive_url, self.config.storage),
            Storage(self.destination_url, self.config.storage),
            to=self.to,
            pack_prefix=self.pack_prefix,
            decoder=self.decoder,
            batch_pixels=int(self.config.workers.batch_megapixels * 1e6),
            threads=threads,
        )
