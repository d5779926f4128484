"""Which images of an archive follow a file beside them that is another one by now, or that came or went.

Their keys give the names of those files, and these are held against the files' folder, both in the order of the names
and sorted on disk where that takes more than memory has. What comes of it is sorted by key again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.compress.ordering import side_by_side, sorted_on_disk
from pipeline.config import AUTO
from pipeline.encode.sidecar_files import SIDECARS, SidecarFiles
from pipeline.encode.sidecars import BROKEN, MISSING

_MOST_UNREADABLE: Final = 8
"""So many one after the other say that the others cannot be read either."""
REMAPPED: Final = "is_remapped"
"""The column that tells of an archived image whether a file beside it changed."""


def with_changed_sidecars(
    held: Iterable[pa.RecordBatch],
    catalogue: Catalogue,
    column: str,
    files: SidecarFiles,
    *,
    unknown: Callable[[str], None],
) -> Iterator[pa.RecordBatch]:
    """Batches of an archive's images that are sorted by key, with the column REMAPPED.

    It is true for images whose sidecar of this kind changed, and where it was true before. It never is by this kind for
    images that were to follow none, nor for those of which the catalogue does not say which version they followed.

    Args:
        column: of the catalogue: what became of each image's sidecar. Its version stands in a column of its own.
        files: of this kind, today.
        unknown: is told why these are not known, where they are not; then none changed.
    Raises:
        ArchiveError, StorageError: the catalogue cannot be read.
    """
    for here, remapped in side_by_side(held, _remapped(catalogue, column, files, unknown)):
        if here is not None:
            keys = pa.array([], pa.string()) if remapped is None else remapped["key"]
            is_remapped = pc.is_in(here["key"], value_set=keys)
            if REMAPPED in here.schema.names:
                is_remapped, here = pc.or_(here[REMAPPED], is_remapped), here.drop_columns([REMAPPED])
            yield here.append_column(REMAPPED, is_remapped)


def _remapped(
    catalogue: Catalogue, column: str, files: SidecarFiles, unknown: Callable[[str], None]
) -> Iterator[pa.RecordBatch]:
    """The keys of images with another sidecar, sorted."""
    followers = sorted_on_disk(_followers(catalogue, column, files), tell=_nobody)
    first_follower = next(followers, None)
    if first_follower is None:
        return
    there = sorted_on_disk(files.listed(), tell=_nobody)
    try:
        first_there = next(there, None)  # which comes when the last one was listed
    except OSError as error:
        unknown(str(error))
        return
    if first_there is None:  # a folder that is not mounted looks like one from which all were removed
        unknown(f"Expected files that lie beside images in {files.url}, got no file at all.")
        return
    changed = _changed(chain([first_follower], followers), chain([first_there], there), _Readable(files))
    yield from sorted_on_disk(changed, tell=_nobody)


def _followers(catalogue: Catalogue, column: str, files: SidecarFiles) -> Iterator[pa.RecordBatch]:
    """Images that were to follow a sidecar: its name as `key`, their own key as `image`."""
    version = f"{column}_version"
    for batch in catalogue.scan(("key", column, version)):
        rows = batch.filter(pc.fill_null(pc.not_equal(batch[column], AUTO), False))
        names = [files.name_of(key) for key in rows["key"].to_pylist()]
        yield pa.record_batch(
            {
                "key": pa.array(names, pa.string()),
                "image": rows["key"],
                "origin": rows[column],
                "version": rows[version],
            }
        )


def _changed(
    followers: Iterator[pa.RecordBatch], there: Iterator[pa.RecordBatch], readable: _Readable
) -> Iterator[pa.RecordBatch]:
    """The keys of images whose sidecar is another one, in the order of the sidecars' names."""
    last = pa.RecordBatch.from_pylist([], SIDECARS)
    for asking, files in side_by_side(followers, there):
        # several images may follow one file, and the piece that shows it may end between them
        shown = last if files is None else pa.concat_batches([last, files])
        last = shown.slice(max(len(shown) - 1, 0))
        if asking is not None:
            yield pa.record_batch({"key": asking["image"].filter(_has_changed(asking, shown, readable))})


def _has_changed(asking: pa.RecordBatch, files: pa.RecordBatch, readable: _Readable) -> pa.Array:
    places = pc.index_in(asking["key"], value_set=files["key"])
    now, was = files["version"].take(places), asking["version"]
    came = pc.and_(pc.equal(asking["origin"], MISSING), pc.is_valid(now))
    went = pc.and_(pc.is_valid(was), pc.is_null(places))
    is_other = pc.fill_null(pc.not_equal(now, was), False)
    was_unread = pc.and_(pc.starts_with(asking["origin"], BROKEN), pc.and_(pc.is_null(was), pc.is_valid(now)))
    opened_up = [name for name in asking["key"].filter(was_unread).to_pylist() if readable.is_now(name)]
    can_be_read = pc.and_(was_unread, pc.is_in(asking["key"], value_set=pa.array(opened_up, pa.string())))
    return pc.or_(pc.or_(came, went), pc.or_(is_other, can_be_read))


class _Readable:
    """Whether files can be read that could not be when their images were encoded."""

    def __init__(self, files: SidecarFiles) -> None:
        self._files = files
        self._failed = 0
        """One after the other."""

    def is_now(self, name: str) -> bool:
        """Try one, unless too many before it failed."""
        if self._failed >= _MOST_UNREADABLE:
            return False
        try:
            self._files.read(name)
        except OSError:
            self._failed += 1
            return False
        self._failed = 0
        return True


def _nobody(done: int) -> None:
    """Nobody looks on while files are sorted."""
