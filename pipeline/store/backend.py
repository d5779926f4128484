"""What every kind of store can do: whole objects below one root.

A store is a folder (local_store.py), an S3 bucket (s3_store.py) or any other fsspec filesystem (fsspec_store.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol, Self

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """One object, as a listing described it."""

    path: str
    """Name below the root of the listing's Storage, '/'-separated."""
    size: int
    etag: str | None
    """As the store gives it, without quotes: fit for equality only."""
    mtime: datetime | None
    """UTC, microseconds."""
    same_as: str | None = None
    """Path under which the listing gives the same file as well, where `path` leads to it through a link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Objects in the order of a listing, a list a column: a listing of millions makes no object of each."""

    paths: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    etags: list[str | None] = field(default_factory=list)
    mtimes_us: list[int | None] = field(default_factory=list)
    """Microseconds since 1970, UTC."""
    twins: dict[int, str] = field(default_factory=dict)
    """`same_as` of the few objects that have it, by their place in the page."""

    @classmethod
    def of(cls, infos: Iterable[ObjectInfo]) -> Self:
        """The page that holds these objects."""
        page = cls()
        for info in infos:
            page.add(info)
        return page

    def __len__(self) -> int:
        """Number of objects."""
        return len(self.paths)

    def add(self, info: ObjectInfo) -> None:
        """Append one object."""
        if info.same_as is not None:
            self.twins[len(self.paths)] = info.same_as
        self.paths.append(info.path)
        self.sizes.append(info.size)
        self.etags.append(info.etag)
        self.mtimes_us.append(None if info.mtime is None else microseconds_of(info.mtime))

    def at(self, places: Sequence[int]) -> Page:
        """The objects in these places, in ascending order."""
        return Page(
            paths=[self.paths[place] for place in places],
            sizes=[self.sizes[place] for place in places],
            etags=[self.etags[place] for place in places],
            mtimes_us=[self.mtimes_us[place] for place in places],
            twins={new: self.twins[old] for new, old in enumerate(places) if old in self.twins},
        )

    def below(self, start: int, holds: Callable[[str], bool]) -> Page:
        """The objects whose paths, without their first characters, are wanted: under these shorter paths."""
        shorter = replace(self, paths=[path[start:] for path in self.paths])
        places = [place for place, path in enumerate(shorter.paths) if holds(path)]
        return shorter if len(places) == len(self) else shorter.at(places)

    def infos(self) -> Iterator[ObjectInfo]:
        """The objects one by one."""
        columns = zip(self.paths, self.sizes, self.etags, self.mtimes_us, strict=True)
        for place, (path, size, etag, mtime_us) in enumerate(columns):
            mtime = None if mtime_us is None else moment_of(mtime_us)
            yield ObjectInfo(path=path, size=size, etag=etag, mtime=mtime, same_as=self.twins.get(place))


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """Something that a listing met and gives no sound object for."""

    path: str
    """Name below the root of the listing's Storage."""
    kind: Literal["closed", "dangling", "special"]
    """closed: a folder whose names cannot be had, or not all. dangling: a link to nothing, given as an empty object.
    special: a pipe, socket or device, not given."""
    reason: str
    """For a person."""


Notice = Callable[[Oddity], None]


class Backend(Protocol):
    """Whole objects below one root; paths are below it. `Storage` says what each method does and raises."""

    def read(self, path: str) -> bytes: ...
    def read_range(self, path: str, offset: int, length: int) -> bytes: ...
    def write(self, path: str, data: bytes) -> None: ...
    def create(self, path: str, data: bytes) -> bool: ...
    def pages(
        self, prefix: str, *, recursive: bool, exclude: frozenset[str], notice: Notice | None
    ) -> Iterator[Page]: ...
    def info(self, path: str) -> ObjectInfo: ...
    def delete(self, path: str) -> None: ...
    def unfinished(self) -> Iterator[ObjectInfo]: ...
    def check_readable(self) -> None: ...
    def check_writable(self) -> None: ...


def microseconds_of(moment: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(microseconds: int) -> datetime:
    """Undo `microseconds_of`.

    Raises:
        OverflowError: no calendar has such a time.
    """
    return _EPOCH + timedelta(microseconds=microseconds)
