"""Which images of an archive follow an importance map that is another one by now, or that came or went.

Their keys give the names of their maps, and these are held against the maps' folder, both in the order of the names and
sorted on disk where that takes more than memory has. What comes of it is sorted by key again.
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
from pipeline.encode.importance import MISSING
from pipeline.encode.map_files import MAPS, MapFiles

REMAPPED: Final = "is_remapped"
"""The column that tells of an archived image whether its map changed."""
_FOLLOWERS: Final = ("key", "importance", "importance_version")


def with_changed_maps(
    held: Iterable[pa.RecordBatch], catalogue: Catalogue, maps: MapFiles, *, unknown: Callable[[str], None]
) -> Iterator[pa.RecordBatch]:
    """Batches of an archive's images that are sorted by key, with the column REMAPPED.

    It is false for images that were to follow no map, and for those of which the catalogue does not say which version
    of a map they followed.

    Args:
        unknown: is told why the maps of today are not known, where they are not; then it is false for all.
    Raises:
        ArchiveError, StorageError: the catalogue cannot be read.
    """
    for here, remapped in side_by_side(held, _remapped(catalogue, maps, unknown)):
        if here is not None:
            keys = pa.array([], pa.string()) if remapped is None else remapped["key"]
            yield here.append_column(REMAPPED, pc.is_in(here["key"], value_set=keys))


def _remapped(
    catalogue: Catalogue, maps: MapFiles, unknown: Callable[[str], None]
) -> Iterator[pa.RecordBatch]:
    """The keys of images with another map, sorted."""
    followers = sorted_on_disk(_followers(catalogue, maps), tell=_nobody)
    first_follower = next(followers, None)
    if first_follower is None:
        return
    there = sorted_on_disk(maps.listed(), tell=_nobody)
    try:
        first_map = next(there, None)  # which comes when the last one was listed
    except OSError as error:
        unknown(str(error))
        return
    if first_map is None:  # a folder that is not mounted looks like one from which all maps were removed
        unknown(f"Expected importance maps in {maps.url}, got no file at all.")
        return
    changed = _changed(chain([first_follower], followers), chain([first_map], there))
    yield from sorted_on_disk(changed, tell=_nobody)


def _followers(catalogue: Catalogue, maps: MapFiles) -> Iterator[pa.RecordBatch]:
    """Images that were to follow a map: its name as `key`, their own key as `image`."""
    for batch in catalogue.scan(_FOLLOWERS):
        importance = batch["importance"]
        rows = batch.filter(pc.fill_null(pc.not_equal(importance, AUTO), False))
        names = [maps.name_of(key) for key in rows["key"].to_pylist()]
        yield pa.record_batch(
            {
                "key": pa.array(names, pa.string()),
                "image": rows["key"],
                "importance": rows["importance"],
                "version": rows["importance_version"],
            }
        )


def _changed(
    followers: Iterator[pa.RecordBatch], there: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """The keys of images whose map is another one, in the order of the maps' names."""
    last = pa.RecordBatch.from_pylist([], MAPS)
    for asking, maps in side_by_side(followers, there):
        # several images may follow one map, and the piece that shows it may end between them
        shown = last if maps is None else pa.concat_batches([last, maps])
        last = shown.slice(max(len(shown) - 1, 0))
        if asking is not None:
            images = asking["image"].filter(_has_changed(asking, shown))
            yield pa.record_batch({"key": images})


def _has_changed(asking: pa.RecordBatch, maps: pa.RecordBatch) -> pa.Array:
    places = pc.index_in(asking["key"], value_set=maps["key"])
    now, was = maps["version"].take(places), asking["version"]
    came = pc.and_(pc.equal(asking["importance"], MISSING), pc.is_valid(now))
    went = pc.and_(pc.is_valid(was), pc.is_null(places))
    is_other = pc.fill_null(pc.not_equal(now, was), False)
    return pc.or_(pc.or_(came, went), is_other)


def _nobody(done: int) -> None:
    """Nobody looks on while maps are sorted."""
