"""Files that a source holds, before it is known which are taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from pipeline.source.listing import LISTING
from pipeline.store.backend import microseconds_of
from pipeline.types import SourceImage

_TOGETHER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """The same file as a link's, under another key."""

    key: str
    is_listed: bool
    """Whether the glob of the source, if it has one, lets it through."""
    is_image: bool
    """Whether its name, or the glob that names it, says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Some files in their order, a list a column; each field but the last as `SourceImage` has it."""

    keys: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    sizes: list[int | None] = field(default_factory=list)
    etags: list[str | None] = field(default_factory=list)
    mtimes_us: list[int | None] = field(default_factory=list)
    offsets: list[int | None] = field(default_factory=list)
    lengths: list[int | None] = field(default_factory=list)
    are_images: list[bool] = field(default_factory=list)
    """Whether the name of each, or the glob that names it, says so."""
    twins: dict[int, Twin] = field(default_factory=dict)
    """Of the few that are links to files which the source holds as well, by their place."""

    def __len__(self) -> int:
        """Number of files."""
        return len(self.keys)

    def add(self, image: SourceImage, *, is_image: bool, twin: Twin | None = None) -> None:
        """Append one file."""
        if twin is not None:
            self.twins[len(self.keys)] = twin
        self.keys.append(image.key)
        self.urls.append(image.url)
        self.sizes.append(image.size)
        self.etags.append(image.etag)
        self.mtimes_us.append(None if image.mtime is None else microseconds_of(image.mtime))
        self.offsets.append(image.offset)
        self.lengths.append(image.length)
        self.are_images.append(is_image)

    def at(self, places: Sequence[int]) -> Found:
        """The files in these places, in ascending order."""
        if len(places) == len(self):
            return self
        columns = {column.name: getattr(self, column.name) for column in fields(self)}
        twins = columns.pop("twins")
        return Found(
            **{name: [column[place] for place in places] for name, column in columns.items()},
            twins={new: twins[old] for new, old in enumerate(places) if old in twins} if twins else {},
        )

    def taken_as(self, are_images: list[bool]) -> Found:
        """The same, with another opinion of which are images."""
        return replace(self, are_images=are_images)

    def batch(self, reason: str) -> pa.RecordBatch:
        """The same in the columns of LISTING; `reason` says why those that are no images are kept."""
        columns: dict[str, list[Any]] = {
            "key": self.keys,
            "url": self.urls,
            "size": self.sizes,
            "etag": self.etags,
            "offset": self.offsets,
            "length": self.lengths,
            "kept": [None if is_image else reason for is_image in self.are_images],
        }
        arrays = {
            "mtime": pa.array(self.mtimes_us, pa.int64()).cast(LISTING.field("mtime").type),
            **{name: pa.array(column, LISTING.field(name).type) for name, column in columns.items()},
        }
        return pa.record_batch(
            [arrays[of.name] if of.name in arrays else pa.nulls(len(self), of.type) for of in LISTING],
            schema=LISTING,
        )


def found_images(images: Iterable[SourceImage]) -> Iterator[Found]:
    """Images that are known to be some; the first one is there as soon as it is known."""
    rest = iter(images)
    for first in rest:
        found = Found()
        for image in chain([first], islice(rest, _TOGETHER - 1)):
            found.add(image, is_image=True)
        yield found
