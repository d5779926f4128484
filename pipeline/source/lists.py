"""Images named one by one: list files and Parquet manifests, streamed; a key that stands for two images is refused."""

from __future__ import annotations

import io
import itertools
import os
import posixpath
from array import array
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import SourceError, StorageError
from pipeline.source.keys import utf8_key
from pipeline.source.tables import parquet_batches
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, check_no_secret, local_path, local_url, scheme, split_url
from pipeline.types import SourceImage

_LINES_LOOKED_AT = 20
"""So many lines that name nothing are no list."""
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999, in microseconds since 1970."""
_MANIFEST_TYPES = {
    "url": pa.string(),
    "key": pa.string(),
    "size": pa.int64(),
    "etag": pa.string(),
    "mtime": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageList:
    """A list of images, and the folder that its relative names start from."""

    url: str
    """URL or absolute path of the list file or manifest."""
    base: str
    """Normal URL of the folder that relative names start from."""
    options: StorageOptions

    def listed(self) -> Iterator[SourceImage]:
        """Images of a list file, in its order, each once.

        Raises:
            SourceError: no such file, a text that is no list, a line that names nothing readable, or one key for two
                images.
            StorageError: the store of the list does not answer.
        """
        open_list = self._opener()
        self._check_is_list(open_list)
        return _unique(lambda: self._lines(open_list), self.url)

    def manifested(self) -> Iterator[SourceImage]:
        """Images of a Parquet manifest, in its order, each once.

        Raises:
            SourceError: no such file, not Parquet, no `url` column, a column of another type, an empty
                name, or one key for two images.
            StorageError: the store of the manifest does not answer.
        """
        open_list = self._opener()
        return _unique(lambda: self._rows(open_list), self.url)

    def _opener(self) -> Callable[[], BinaryIO]:
        """A function that opens the list, any number of times; a list in a store is fetched once and kept."""
        root, path = split_url(self.url)
        storage = Storage(root, self.options)
        try:
            if scheme(self.url) not in LOCAL:
                data = storage.read(path)
                return lambda: io.BytesIO(data)
            storage.info(path)
            file = Path(local_path(self.url))
            file.open("rb").close()
        except FileNotFoundError as error:
            raise SourceError(
                f"Expected a list of images, got no file at {self.url}; check the path. A list ends in .txt, "
                ".lst or .parquet, or is written @FILE."
            ) from error
        except StorageError:
            raise
        except OSError as error:
            raise SourceError(
                f"Expected a list that can be read, got {error.strerror} at {self.url}; check its mode."
            ) from error
        return lambda: file.open("rb")

    def _check_is_list(self, open_list: Callable[[], BinaryIO]) -> None:
        """Refuse a text on this machine whose first lines all name files that are not there: it is about other things.

        Raises:
            SourceError: as said.
        """
        first = list(itertools.islice(self._lines(open_list), _LINES_LOOKED_AT))
        if first and all(scheme(image.url) in LOCAL and not _exists(image.url) for image in first):
            raise SourceError(
                f"Expected a list of images in {self.url}, one path or URL a line, got {first[0].key[:80]!r}"
                + (f" and {len(first) - 1} more lines" if first[1:] else "")
                + f", none of which is a file below {self.base}. To store the text itself, name its folder with "
                "`--others keep`; the paths of a list start at the folder of the list."
            )

    def _lines(self, open_list: Callable[[], BinaryIO]) -> Iterator[SourceImage]:
        with closing(open_list()) as lines:
            for number, raw in enumerate(lines, 1):
                text = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
                if number == 1:
                    text = text.removeprefix("\ufeff")
                if text.strip() and not text.lstrip().startswith("#"):
                    yield self._locate(text, f"line {number}")

    def _rows(self, open_list: Callable[[], BinaryIO]) -> Iterator[SourceImage]:
        with closing(open_list()) as file:
            number = 0
            for batch in self._batches(file):
                for row in batch.to_pylist():
                    number += 1
                    yield self._row(row, f"row {number}")

    def _batches(self, file: BinaryIO) -> Iterator[pa.RecordBatch]:
        def choose(names: list[str]) -> list[str]:
            if "url" not in names:
                raise SourceError(
                    f"Expected a column `url` in {self.url}, got {', '.join(names) or 'no columns'}; a "
                    "manifest has `url` and, if known, `key`, `size`, `etag`, `mtime`."
                )
            return [name for name in _MANIFEST_TYPES if name in names]

        try:
            yield from map(self._typed, parquet_batches(file, choose))
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"Expected a Parquet file at {self.url}, got: {error}; write the manifest again."
            ) from error

    def _typed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns: dict[str, pa.Array] = {}
        for name in batch.schema.names:
            column, expected = batch.column(name), _MANIFEST_TYPES[name]
            try:
                if name == "mtime" and not pa.types.is_timestamp(column.type):
                    raise pa.ArrowTypeError  # a number could be seconds, milliseconds or days
                columns[name] = column.cast(
                    expected, safe=name != "mtime"
                )  # nanoseconds lose their last three
            except pa.ArrowException as error:
                raise SourceError(
                    f"Expected column `{name}` of {self.url} as {expected}, got {column.type}; convert it."
                ) from error
            if name == "mtime":
                columns[name] = _in_the_calendar(columns[name])
        return pa.record_batch(columns)

    def _row(self, row: dict[str, Any], where: str) -> SourceImage:
        if not row["url"]:
            raise SourceError(f"Expected a URL or path, got none in {where} of {self.url}; fill or drop it.")
        image = self._locate(row["url"], where)
        key = row.get("key")
        if key == "":
            raise SourceError(f"Expected a key or null, got an empty one in {where} of {self.url}; fill it.")
        mtime: datetime | None = row.get("mtime")
        size: int | None = row.get("size")
        return replace(
            image,
            key=image.key if key is None else key,
            size=None if size is None or size < 0 else size,
            etag=row.get("etag"),
            mtime=mtime and mtime.astimezone(UTC),
        )

    def _locate(self, name: str, where: str) -> SourceImage:
        """Turn a line into a URL to read and a key: the line itself if relative, else without its scheme."""
        kind = scheme(name)
        try:
            if kind in LOCAL and (kind == "file" or name.startswith("/")):
                path = local_path(name)
                return SourceImage(key=utf8_key(name if not kind else path), url=local_url(path))
            if kind:
                check_no_secret(name)
                if not split_url(name)[1]:
                    raise self._bad(where, "the URL of an image", f"{name!r}, which names no object")
                name.encode()
                return SourceImage(key=name.partition("://")[2], url=name)
            if scheme(self.base) in LOCAL:
                path = local_path(f"{local_path(self.base)}/{name}")
                return SourceImage(key=utf8_key(name), url=local_url(path))
            name.encode()
            return SourceImage(key=name, url=self._below_base(name, where))
        except UnicodeEncodeError as error:
            raise self._bad(where, "UTF-8 text", f"{utf8_key(name)!r}, which is none") from error
        except StorageError as error:
            raise SourceError(f"In {where} of {self.url}: {error}") from error

    def _below_base(self, name: str, where: str) -> str:
        """Resolve `.` and `..`, which object stores do not know."""
        root, prefix = split_url(self.base)
        path = f"{prefix}/{name}" if prefix else name
        if {".", ".."} & set(name.split("/")):
            path = posixpath.normpath(path)
            if path.startswith("..") or path == ".":
                raise self._bad(where, f"a path inside {root}", repr(name))
        return f"{root}/{path}"

    def _bad(self, where: str, expected: str, got: str) -> SourceError:
        return SourceError(f"Expected {expected}, got {got} in {where} of {self.url}; correct the list.")


def _exists(url: str) -> bool:
    return os.path.lexists(local_path(url))


def _in_the_calendar(times: pa.Array) -> pa.Array:
    """Null for a time before the year 1 or beyond 9999: it says nothing of a file."""
    stamps = times.cast(pa.int64())
    is_sound = pc.and_(pc.greater_equal(stamps, _FIRST_US), pc.less_equal(stamps, _LAST_US))
    return pc.if_else(is_sound, times, pa.scalar(None, times.type))


def _unique(read: Callable[[], Iterator[SourceImage]], where: str) -> Iterator[SourceImage]:
    """Each image once; the same key for two images is refused before the first one is given out.

    Two passes over the list hold 8 bytes a line, so that a wrong list ends before work starts and a list of
    millions costs megabytes.
    """
    hashes = array("q", (hash(image.key) for image in read()))
    values, counts = np.unique(np.frombuffer(hashes, dtype=np.int64), return_counts=True)
    suspects = set(values[counts > 1].tolist())
    urls: dict[str, str] = {}
    if suspects:
        for image in read():
            if hash(image.key) in suspects and urls.setdefault(image.key, image.url) != image.url:
                raise SourceError(
                    f"Expected one image per key, got {urls[image.key]} and {image.url} for key "
                    f"{image.key!r} in {where}; give each its own `key` in a manifest, or remove one."
                )
    yielded: set[str] = set()
    for image in read():
        if image.key in urls:
            if image.key in yielded:
                continue
            yielded.add(image.key)
        yield image
