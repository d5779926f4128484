"""The files beside images: where each image's lies, and which version of it is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

import pyarrow as pa

from pipeline.errors import StorageError
from pipeline.source.keys import are_text
from pipeline.store.backend import Oddity, Page
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage

SIDECARS: Final = pa.schema([("key", pa.string()), ("version", pa.string())])
"""Columns of a listing of sidecars: `key` is a file's name below their folder."""


class SidecarFiles:
    """The sidecars of a run that are of one kind, as a template names them. For several threads."""

    def __init__(self, template: str, storage: StorageOptions) -> None:
        """Open nothing yet.

        Args:
            template: a path or URL with `{key}` or `{stem}` in it.
            storage: how to reach them.
        """
        root, self._name = _split(template)
        self._folder = Storage(root, storage)

    @property
    def url(self) -> str:
        """Of the folder below which all of them lie."""
        return self._folder.url

    def name_of(self, key: str) -> str:
        """The name of an image's sidecar, below the folder."""
        return self._name.format(key=key, stem=str(PurePosixPath(key).with_suffix("")))

    def read(self, name: str) -> bytes:
        """The bytes of a sidecar.

        Raises:
            FileNotFoundError: there is none of that name.
            StorageError: it cannot be read; StoreDownError when nothing of its store can.
        """
        return self._folder.read(name)

    def version(self, name: str) -> str | None:
        """Which version of a sidecar is there; None where its store does not tell.

        Raises:
            FileNotFoundError, StorageError: as `read`.
        """
        version: str | None = _versions(Page.of([self._folder.info(name)]))[0].as_py()
        return version

    def listed(self) -> Iterator[pa.RecordBatch]:
        """Every file of the folder, in batches of SIDECARS.

        Raises:
            StorageError: not all of them can be seen.
        """
        dangling: set[str] = set()

        def note(odd: Oddity) -> None:
            if odd.kind == "closed":  # what nobody sees would count as removed
                raise StorageError(f"Expected to list all of {self.url}, got {odd.path}: {odd.reason}")
            dangling.add(odd.path)

        for page in self._folder.pages(notice=note):
            places = enumerate(page.paths)
            # no key has a name that is no text, and a link to nothing is no sidecar
            shown = page.at([place for place, path in places if are_text([path]) and path not in dangling])
            yield pa.record_batch([pa.array(shown.paths, pa.string()), _versions(shown)], schema=SIDECARS)


def _versions(page: Page) -> pa.Array:
    """As images are told apart: by ETag, or by size and time where there is no ETag."""
    facts = zip(page.sizes, page.etags, page.mtimes_us, strict=True)
    return pa.array([_version(*one) for one in facts], pa.string())


def _version(size: int, etag: str | None, mtime_us: int | None) -> str | None:
    if etag is not None:
        return etag
    return None if mtime_us is None else f"{size} bytes, {mtime_us} us"


def _split(template: str) -> tuple[str, str]:
    """Their folder, and their names below it: `s3://bucket/maps/{key}.png` -> `s3://bucket/maps`, `{key}.png`."""
    fixed = template.partition("{")[0]
    folder = fixed.rpartition("/")[0]
    return folder or ("/" if fixed.startswith("/") else "."), template[len(folder) :].lstrip("/")
