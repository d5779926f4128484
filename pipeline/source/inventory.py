"""An inventory: a table of every object below a source, read instead of asking the store for its names.

S3 Inventory writes one a day or a week: a `manifest.json` that names CSV or Parquet files. A Parquet file, or a CSV
file with a line of names, is one by itself. Columns are known by the names that S3 Inventory gives them (bucket, key,
size, last_modified_date, e_tag, is_latest, is_delete_marker, in any of its spellings) or that a manifest has (url,
size, etag, mtime); others are passed over.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import Any, BinaryIO, Final, cast
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from pipeline.errors import SourceError
from pipeline.source.tables import parquet_batches
from pipeline.store.backend import Page, moment_of
from pipeline.store.options import StorageOptions
from pipeline.store.range_file import open_object
from pipeline.store.storage import Storage
from pipeline.store.urls import S3, normal, scheme, split_bucket, split_url

_BLOCK: Final = 2**20
_TYPES: Final = {
    "url": pa.string(),
    "bucket": pa.string(),
    "key": pa.string(),
    "size": pa.int64(),
    "etag": pa.string(),
    "mtime": pa.timestamp("us", tz="UTC"),
    "islatest": pa.bool_(),
    "isdeletemarker": pa.bool_(),
}
_ARN: Final = "arn:aws:s3:::"


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One file of an inventory."""

    url: str
    columns: list[str] | None = None
    """Of a CSV file without a line of names."""
    bucket: str | None = None
    """Where keys lie that no column gives a bucket for."""


class Inventory:
    """The objects that one inventory names."""

    def __init__(self, url: str, options: StorageOptions) -> None:
        """Contact nothing yet; `url` is that of a manifest.json, Parquet or CSV file."""
        self._url = normal(url)
        self._options = options
        self.until: datetime | None = None
        """When the inventory was made, or the time of its newest object: it cannot name what came later. None until
        `pages` has come to its end."""

    def pages(self, root: str, holds: Callable[[str], bool]) -> Iterator[Page]:
        """The objects below a folder or prefix, in the order of the inventory.

        Args:
            root: normal URL of the folder; paths are below it.
            holds: whether a path is wanted.
        Raises:
            SourceError: no such file, or none that can be read so.
            StorageError: a store does not answer.
        """
        made, files = self._files()
        newest = 0
        for file in files:
            bucket = file.bucket or (split_bucket(root)[0] if scheme(root) == S3 else None)
            for batch in self._batches(file):
                page = _page(batch, bucket, f"{root.rstrip('/')}/", self._bad)
                newest = max([newest, *(moment for moment in page.mtimes_us if moment is not None)])
                yield page.below(0, holds)
        self.until = made or (moment_of(newest) if newest else None)

    def _files(self) -> tuple[datetime | None, list[_File]]:
        """When the inventory was made, if it says so, and where its rows are."""
        if not self._url.endswith(".json"):
            return None, [_File(url=self._url)]
        root, path = split_url(self._url)
        try:
            manifest = json.loads(Storage(root, self._options).read(path))
            bucket = manifest["destinationBucket"].removeprefix(_ARN)
            names = None
            if manifest["fileFormat"].upper() == "CSV":
                names = [name.strip() for name in manifest["fileSchema"].split(",")]
            made = datetime.fromtimestamp(int(manifest["creationTimestamp"]) / 1000, UTC)
            return made, [
                _File(url=f"s3://{bucket}/{file['key']}", columns=names, bucket=manifest["sourceBucket"])
                for file in manifest["files"]
            ]
        except FileNotFoundError as error:
            raise self._bad("a file", "none") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._bad("the manifest.json of an S3 Inventory", f"another text ({error!r})") from error

    def _batches(self, file: _File) -> Iterator[pa.RecordBatch]:
        try:
            with closing(open_object(file.url, self._options)) as opened:
                if file.url.endswith((".csv", ".csv.gz")):
                    yield from _csv_batches(opened, file)
                elif file.url.endswith(".parquet"):
                    for batch in parquet_batches(cast("BinaryIO", opened), _columns_read):
                        yield batch.rename_columns([_name(name) for name in batch.schema.names])
                else:
                    raise self._bad("files that end in .parquet, .csv or .csv.gz", file.url)
        except FileNotFoundError as error:
            raise self._bad("a file", f"none at {file.url}") from error
        except pa.ArrowException as error:
            raise self._bad("Parquet, or CSV", f"{error} in {file.url}") from error

    def _bad(self, expected: str, got: str) -> SourceError:
        return SourceError(
            f"Expected {expected}, got {got} for the inventory {self._url}; correct --inventory."
        )


def _csv_batches(opened: io.BufferedReader, file: _File) -> Iterator[pa.RecordBatch]:
    """All columns as texts: a key of digits is no number. Keys of a CSV file that S3 wrote are percent-encoded."""
    stream: Any = gzip.GzipFile(fileobj=opened) if file.url.endswith(".gz") else opened
    names = file.columns or next(csv.reader([stream.readline().decode("utf-8-sig")]), [])
    rows = pa.csv.open_csv(
        stream,
        read_options=pa.csv.ReadOptions(block_size=_BLOCK, column_names=[_name(name) for name in names]),
        convert_options=pa.csv.ConvertOptions(
            include_columns=[_name(name) for name in _columns_read(names)],
            column_types=dict.fromkeys(_TYPES, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
    with closing(rows):
        for batch in rows:
            if file.columns is not None:
                keys = pa.array([unquote_plus(key) for key in batch["key"].to_pylist()], pa.string())
                batch = batch.set_column(batch.schema.get_field_index("key"), "key", keys)
            yield batch


def _columns_read(names: list[str]) -> list[str]:
    return [name for name in names if _name(name) in _TYPES]


def _name(name: str) -> str:
    """The name that a column has here: `LastModifiedDate`, `last_modified_date` and `mtime` are one."""
    plain = name.lower().replace("_", "")
    return {"lastmodifieddate": "mtime", "lastmodified": "mtime"}.get(plain, plain)


def _page(
    batch: pa.RecordBatch, bucket: str | None, below: str, bad: Callable[[str, str], SourceError]
) -> Page:
    names = set(batch.schema.names)
    if not ("url" in names or ("key" in names and ("bucket" in names or bucket is not None))):
        raise bad(
            "a column `url`, or `bucket` and `key`",
            ", ".join(batch.schema.names) or "no column that is known",
        )
    # without these columns all images would seem changed
    needed = {"size", "etag"} if below.startswith(f"{S3}://") else {"size"}
    if not needed <= names:
        raise bad(f"columns {', '.join(sorted(needed))}", ", ".join(batch.schema.names))
    try:
        columns = {name: batch[name].cast(_TYPES[name], safe=name != "mtime") for name in names}
    except pa.ArrowException as error:
        raise bad("sizes as numbers and times as times", str(error)) from error
    rows = len(batch)
    urls = columns.get("url")
    if urls is None:
        buckets = columns.get("bucket", pa.array([bucket] * rows))
        urls = pc.binary_join_element_wise("s3://", buckets, "/", columns["key"], "")
    wanted = [pc.starts_with(urls, pattern=below), pc.invert(pc.ends_with(urls, pattern="/"))]
    if "islatest" in names:
        wanted.append(pc.fill_null(columns["islatest"], True))
    if "isdeletemarker" in names:
        wanted.append(pc.invert(pc.fill_null(columns["isdeletemarker"], False)))
    mask = pc.fill_null(reduce(pc.and_, wanted), False)
    mtimes = columns.get("mtime", pa.nulls(rows, _TYPES["mtime"]))
    etags = pc.utf8_trim(columns.get("etag", pa.nulls(rows, pa.string())), '"')
    return Page(
        paths=[url[len(below) :] for url in urls.filter(mask).to_pylist()],
        sizes=columns["size"].filter(mask).fill_null(0).to_pylist(),
        etags=etags.filter(mask).to_pylist(),
        mtimes_us=mtimes.filter(mask).cast(pa.int64()).to_pylist(),
    )
