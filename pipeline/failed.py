"""The images that failed in an archive, as a source: to be tried again, as they are now."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from pipeline.catalogue import Catalogue
from pipeline.sources import Source, SourceConfig
from pipeline.storage import Storage, StorageOptions, split_url
from pipeline.types import SourceImage

_FAILED = "status = 'failed'"
_COLUMNS = ("key", "source_url", "source_size", "source_etag", "source_mtime")
_LOOKS = 16
"""Requests under way at once to see which version of an image is there now."""


class FailedImages(Source):
    """What an archive has only a reason for. Each is tried again, though its file may be the same."""

    takes_known = True

    def __init__(self, archive: Storage, options: StorageOptions) -> None:
        """Contact nothing yet.

        Args:
            options: how to reach the stores that the images lie in.
        """
        super().__init__(SourceConfig(url=archive.url, failed_in=archive.url, storage=options.resolved()))
        self._archive = archive

    def images(self) -> Iterator[SourceImage]:
        """Every failed image of the archive, sorted by key.

        Raises:
            ArchiveError, StorageError: the catalogue cannot be read.
        """
        with ThreadPoolExecutor(_LOOKS, thread_name_prefix="look") as pool:
            for batch in Catalogue(self._archive).scan(_COLUMNS, where=_FAILED, order=["key"]):
                yield from pool.map(self._as_now, [_image(row) for row in batch.to_pylist()])

    def newest_run(self) -> str | None:
        """The last run in which an image failed that still counts as failed; None when there is none."""
        runs: set[str] = set()
        for batch in Catalogue(self._archive).scan(["run"], where=_FAILED):
            runs.update(batch["run"].to_pylist())
        return max(runs, default=None)

    def _as_now(self, image: SourceImage) -> SourceImage:
        root, path = split_url(image.url)
        try:
            info = self._root(root).info(path)
        except OSError:  # reading it will fail too, and say why, as a row
            return image
        return replace(image, size=info.size, etag=info.etag, mtime=info.mtime)


def _image(row: dict[str, Any]) -> SourceImage:
    return SourceImage(
        key=row["key"],
        url=row["source_url"],
        size=row["source_size"],
        etag=row["source_etag"],
        mtime=row["source_mtime"],
    )
