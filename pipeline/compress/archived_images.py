"""Images of an archive as a source again: those that failed, and those that were lost, from where they lay."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import pyarrow as pa

from pipeline.archive.catalogue import Catalogue
from pipeline.source.image_names import is_image_name
from pipeline.source.listing import batch_of
from pipeline.source.source import Source, SourceConfig
from pipeline.source.taking import NO_IMAGE
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.types import Prior, SourceImage

_COLUMNS = ("key", "source_url", "source_size", "source_etag", "source_mtime", "lost_shard", "quality")
_LOOKS = 16
"""Requests under way at once to see which version of an image is there now."""


class ArchivedImages(Source):
    """Images that an archive has rows of. Each is read again, though its file may be the same."""

    takes_unchanged = True

    def __init__(self, config: SourceConfig, batches: Callable[[], Iterable[Sequence[SourceImage]]]) -> None:
        """Contact nothing yet; `batches` gives the images as their rows describe them."""
        super().__init__(config)
        self._batches = batches

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Every image, with size, ETag and time of its file as it is now.

        Raises:
            ArchiveError, StorageError: the catalogue cannot be read.
        """
        with ThreadPoolExecutor(_LOOKS, thread_name_prefix="look") as pool:
            for batch in self._batches():
                yield batch_of(list(pool.map(self._now, batch)))

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "Expected a source that lists by itself, got rows of an archive; send its config to workers."
        )

    def _now(self, image: SourceImage) -> SourceImage:
        try:
            return self.as_now(image)
        except OSError:  # reading it will fail too, and say why, as a row
            return image


def failed_images(
    archive: Storage,
    options: StorageOptions,
    *,
    runs: Collection[str] | None = None,
    keeps_others: bool = False,
    as_then: bool = True,
) -> ArchivedImages:
    """What an archive has only a reason for, sorted by key.

    Args:
        options: how to reach the stores that the images lie in.
        runs: only what failed in one of these; None for all.
        as_then: whether what was lost is coded at the quality that it had.
        keeps_others: whether files that are not named like images are to be kept as they are.
    """

    def batches() -> Iterator[list[SourceImage]]:
        for batch in Catalogue(archive).failed((*_COLUMNS, "run")):
            rows = (row for row in batch.to_pylist() if runs is None or row["run"] in runs)
            yield [_failed(row, keeps_others=keeps_others, as_then=as_then) for row in rows]

    config = SourceConfig(url=archive.url, archived="failed", storage=options.resolved())
    return ArchivedImages(config, batches)


def lost_images(archive: Storage, options: StorageOptions, images: Sequence[SourceImage]) -> ArchivedImages:
    """What an archive held and lost, each to be taken only if its bytes are still those that were archived."""
    config = SourceConfig(url=archive.url, archived="lost", storage=options.resolved())
    return ArchivedImages(config, lambda: [images])


def _failed(row: dict[str, Any], *, keeps_others: bool, as_then: bool) -> SourceImage:
    is_other = keeps_others and not is_image_name(row["key"])
    return SourceImage(
        key=row["key"],
        url=row["source_url"],
        size=row["source_size"],
        etag=row["source_etag"],
        mtime=row["source_mtime"],
        prior=Prior(
            shard=row["lost_shard"],  # so that what fails again is still called lost
            quality=row["quality"] if as_then else None,
            kept=NO_IMAGE if is_other else None,
        ),
    )
