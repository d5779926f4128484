"""What a decode is about to write, and what it finds where it would write: decided before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from pipeline.decode.deliver import formats_of
from pipeline.decode.destination import check_no_archive, files_at
from pipeline.decode.file_form import FileForm, writable_format
from pipeline.decode.file_names import spare_paths
from pipeline.decode.naming import FileNames
from pipeline.decode.originals import Originals
from pipeline.decode.selection import Selection
from pipeline.decode.tasks import Place
from pipeline.errors import RestoreError
from pipeline.store.backend import ObjectInfo
from pipeline.store.name_limits import NameLimits
from pipeline.store.storage import Storage

Existing = Literal["refuse", "keep", "replace"]
"""What becomes of files that have the name of an image to write: the run is refused, they stay in place of the image,
or they are written over, unless they are originals."""

_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedImage:
    """An image to write, and where in the archive it lies."""

    number: int
    """Of its row in the selection."""
    shard: str
    row: int
    """Its number in the shard."""
    key: str
    source_sha256: str | None
    places: tuple[Place, ...]
    """One for each format in which it may come."""


def plan_images(selection: Selection, names: FileNames, form: FileForm) -> list[PlannedImage]:
    """Where the files of the selected images go, one shard after the other."""
    names_of_columns = ("shard", "row", "key", "status", "source_format", "source_sha256")
    columns = (selection.rows[name].to_pylist() for name in names_of_columns)
    planned = []
    for number, (shard, row, key, status, source_format, digest) in enumerate(zip(*columns, strict=True)):
        own = writable_format(source_format) if form.fmt == "source" else None
        places = tuple(
            names.place(key, fmt, as_it_was=fmt == own) for fmt in formats_of(status, source_format, form)
        )
        planned.append(
            PlannedImage(number=number, shard=shard, row=row, key=key, source_sha256=digest, places=places)
        )
    return sorted(planned, key=lambda one: (one.shard, one.row))


def settle_existing(
    planned: Sequence[PlannedImage],
    archive: Storage,
    destination: Storage,
    limits: NameLimits,
    *,
    existing: Existing,
    originals: Callable[[], Originals],
) -> list[PlannedImage]:
    """Those that are to be written, after a look at what is there.

    Raises:
        RestoreError: there are files that must not be written over, or an archive; nothing has been written.
    """
    paths = {place.path for one in planned for place in one.places}
    check_no_archive(archive, destination, paths)
    if existing == "keep":
        spares = {spare for path in paths for spare in spare_paths(path, limits)}
        found = files_at(destination, paths | spares)
        return [one for one in planned if not _is_there(one, found, limits)]
    found = files_at(destination, paths)
    in_the_way = sorted(found.keys() & {one.places[0].path for one in planned})
    if in_the_way and existing == "refuse":
        shown = ", ".join(map(repr, in_the_way[:_SHOWN]))
        raise RestoreError(
            f"Expected no file yet where images are to be written, got {len(in_the_way):,} in {destination.url}, such "
            f"as {shown}. To go on with a decode that was stopped: --skip-existing. To write over them: --overwrite. "
            "Or choose another folder."
        )
    return _replacing(planned, found, destination, originals) if existing == "replace" else list(planned)


def _is_there(one: PlannedImage, found: dict[str, ObjectInfo], limits: NameLimits) -> bool:
    """Whether there is its file: in the format that is meant, or the original that was kept."""
    return any(
        path in found
        for place in one.places
        if place is one.places[0] or place.fmt is None
        for path in (place.path, *spare_paths(place.path, limits))
    )


def _replacing(
    planned: Sequence[PlannedImage],
    found: dict[str, ObjectInfo],
    destination: Storage,
    originals: Callable[[], Originals],
) -> list[PlannedImage]:
    digests = dict(originals().among(destination, found)) if found else {}
    settled = []
    for one in planned:
        places = []
        for place in one.places:
            if place.path in digests:
                _check_same(one, place, digests[place.path], destination)
            is_free_to_replace = place.path in found and place.path not in digests
            places.append(replace(place, replaces=is_free_to_replace))
        settled.append(replace(one, places=tuple(places)))
    return settled


def _check_same(one: PlannedImage, place: Place, digest: str | None, destination: Storage) -> None:
    """An original stays where it is; only a kept image, which is that very file, may find it in its place."""
    if place.fmt is not None or digest is None or digest != one.source_sha256:
        raise RestoreError(
            f"Expected a destination apart from the images that were archived, got {destination.url}: {place.path!r} "
            "is an original, and decoding would write over it. Choose another folder."
        )
