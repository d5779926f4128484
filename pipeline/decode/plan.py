"""What a decode is about to write, and what it finds where it would write: decided before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import pyarrow as pa

from pipeline.decode.deliver import formats_of
from pipeline.decode.destination import check_no_archive, files_at
from pipeline.decode.file_form import FileForm, writable_format
from pipeline.decode.file_names import fitting_path, safe_path, spare_paths, with_extension
from pipeline.decode.naming import FileNames
from pipeline.decode.originals import Originals
from pipeline.decode.tasks import FilePlace
from pipeline.errors import RestoreError
from pipeline.image.file_formats import FORMATS, Format, format_of_path
from pipeline.store.backend import ObjectInfo
from pipeline.store.name_limits import NameLimits
from pipeline.store.storage import Storage

Existing = Literal["refuse", "keep", "replace"]
"""What becomes of files that have the name of an image to write: the run is refused, they stay in place of the image,
or they are written over, unless they are originals."""

_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedImage:
    """An image to write."""

    number: int
    """Of its row in the block."""
    source_sha256: str | None
    form: FileForm
    places: tuple[FilePlace, ...]
    """One for each format in which it may come."""


def plan_images(block: pa.Table, names: FileNames, form: FileForm) -> list[PlannedImage]:
    """Where the files of a block's images go.

    Args:
        block: SELECTED_SCHEMA, images that are stored.
        form: of those that are not asked for in a form of their own.
    """
    names_of_columns = ("key", "status", "source_format", "source_sha256", "name", "format", "size", "region")
    planned = []
    for number, (key, status, source_format, digest, name, fmt, size, region) in enumerate(
        zip(*(block[column].to_pylist() for column in names_of_columns), strict=True)
    ):
        its_form = form.of(fmt or (name and format_of_path(name)))
        is_view = size is not None or region is not None
        formats = formats_of(status, source_format, its_form, is_view=is_view)
        if name is None:
            own = writable_format(source_format) if its_form.fmt == "source" else None
            places = tuple(names.place(key, one, as_it_was=one == own) for one in formats)
        else:
            places = tuple(_named(name, one, names.limits, is_meant=one == formats[0]) for one in formats)
        planned.append(PlannedImage(number=number, source_sha256=digest, form=its_form, places=places))
    return planned


def _named(name: str, fmt: Format | None, limits: NameLimits, *, is_meant: bool) -> FilePlace:
    """A file that comes as it was meant has the very name that was asked for."""
    asked = name if is_meant or fmt is None else with_extension(name, FORMATS[fmt], lambda _: False)
    return FilePlace(fmt=fmt, asked=asked, path=fitting_path(safe_path(asked), limits))


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
        there = files_there([one.places for one in planned], destination, limits)
        return [one for one, file in zip(planned, there, strict=True) if file is None]
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


def files_there(
    images: Sequence[tuple[FilePlace, ...]], destination: Storage, limits: NameLimits
) -> Iterator[ObjectInfo | None]:
    """For each image its file, where it is there: in the format that is meant, or the original that was kept."""
    paths = {place.path for places in images for place in places}
    spares = {spare for path in paths for spare in spare_paths(path, limits)}
    found = files_at(destination, paths | spares)
    for places in images:
        names = (
            path
            for place in places
            if (place is places[0] or place.fmt is None) and not place.replaces
            for path in (place.path, *spare_paths(place.path, limits))
        )
        yield next((found[path] for path in names if path in found), None)


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


def _check_same(one: PlannedImage, place: FilePlace, digest: str | None, destination: Storage) -> None:
    """An original stays where it is; only a kept image, which is that very file, may find it in its place."""
    if place.fmt is not None or digest is None or digest != one.source_sha256:
        raise RestoreError(
            f"Expected a destination apart from the images that were archived, got {destination.url}: {place.path!r} "
            "is an original, and decoding would write over it. Choose another folder."
        )
