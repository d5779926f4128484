"""Lists of requested images: Parquet, CSV or JSON lines, with a key a line and how it is to come.

    key        in the archive
    name       of its file below the destination; default: by its key
    size       longer side in pixels, at most; default: as it is
    region     LEFT,TOP,WIDTH,HEIGHT of the picture as it is stored; default: all of it
    format     png, jpeg, webp, avif or source; default: by the extension of `name`, else as for all others
    decoder    what shows it where it is coded; default: as for all others
    priority   a whole number, higher ones first; default: 0
    deadline   ISO 8601, earlier ones first within a priority; default: none

Other columns are passed over, so that a list of what failed is a list of requests.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from codec.errors import CodecConfigError
from codec.registry import check_decoder
from pipeline.decode.file_form import OutputFormat
from pipeline.decode.view_size import Region
from pipeline.errors import SourceError, TenfoldError
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.store.urls import split_url

WISH_SCHEMA: Final = pa.schema(
    {
        "name": pa.string(),
        "size": pa.int64(),
        "region": pa.list_(pa.int64()),
        "format": pa.string(),
        "decoder": pa.string(),
        "priority": pa.int64(),
        "deadline": pa.timestamp("us", tz="UTC"),
    }
)
"""How an image is to come, where that is said of it alone."""
REQUEST_SCHEMA: Final = pa.schema([pa.field("key", pa.string(), nullable=False), *WISH_SCHEMA])
_REGION: Final = re.compile(r"(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9})", re.ASCII)
_ROWS_PER_BATCH: Final = 10_000
_SHOWN: Final = 3
_Line = tuple[str, Mapping[str, Any]]
"""Where it stands (`line 3`), and its columns."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Requests:
    """A list that was read, and found to say what it must."""

    url: str
    digest: str
    """SHA-256 of the list."""
    table: pa.Table
    """REQUEST_SCHEMA, what is wanted first before the rest."""


def is_list(path: str) -> bool:
    """Whether a name is that of a list of requests."""
    return _kind_of(path) in _READERS


def read_requests(url: str, options: StorageOptions) -> Requests:
    """A list of requests; each thing is asked for once, however often the list says so.

    Raises:
        SourceError: there is no such list, it is of another kind, or lines of it say nothing that can be done: each of
            the first ones is named.
        StorageError: the store does not answer.
    """
    root, path = split_url(url)
    kind = _kind_of(path)
    if kind not in _READERS:
        raise SourceError(
            f"Expected a list of requests named .parquet, .csv or .jsonl, got {url}; name it by what is in it."
        )
    try:
        data = Storage(root, options).read(path)
    except FileNotFoundError as error:
        raise SourceError(
            f"Expected a list of requests at {url}, got nothing there; check the name."
        ) from error
    try:
        table = pa.Table.from_batches(_checked(_READERS[kind](data), url), REQUEST_SCHEMA)
    except (OSError, ValueError, OverflowError, csv.Error, pa.ArrowException) as error:
        raise SourceError(
            f"Expected a list of requests as {kind} at {url}, got: {error}; write it again."
        ) from error
    if not table.num_rows:
        raise SourceError(f"Expected requests in {url}, got none; write at least one line with a key.")
    return Requests(url=url, digest=hashlib.sha256(data).hexdigest(), table=_in_order(_distinct(table, url)))


def requests_of(keys: Iterable[str]) -> pa.Table:
    """REQUEST_SCHEMA of keys of which nothing else is said."""
    column = pa.array(sorted(set(keys)), pa.string())
    return pa.Table.from_arrays([column, *no_wishes(len(column))], schema=REQUEST_SCHEMA)


def no_wishes(images: int) -> list[pa.Array]:
    """The columns of WISH_SCHEMA for images of which nothing is said."""
    return [pa.nulls(images, field.type) for field in WISH_SCHEMA]


def _in_order(table: pa.Table) -> pa.Table:
    """Priority, deadline, and then by key: what lies together is looked up together."""
    keys = [("priority", "descending"), ("deadline", "ascending"), ("key", "ascending")]
    return table.sort_by(keys)


def _checked(lines: Iterator[_Line], url: str) -> Iterator[pa.RecordBatch]:
    """The requests of all lines.

    Raises:
        SourceError: some cannot be done; that is known when all have been looked at.
    """
    batch: list[dict[str, Any]] = []
    bad: list[str] = []
    for where, line in lines:
        try:
            batch.append(_request(line))
        except (TenfoldError, CodecConfigError, ValueError, TypeError) as error:
            bad.append(f"{where}: {error}" if len(bad) < _SHOWN else "")
        if len(batch) == _ROWS_PER_BATCH:
            yield pa.RecordBatch.from_pylist(batch, REQUEST_SCHEMA)
            batch = []
    if bad:
        raise SourceError(
            f"Expected requests with a key, and sizes, regions, formats and decoders that there are, in {url}, got "
            f"{len(bad):,} that are none: {' '.join(bad[:_SHOWN])} Correct the list."
        )
    if batch:
        yield pa.RecordBatch.from_pylist(batch, REQUEST_SCHEMA)


def _request(line: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {
        name: line.get(name) for name in REQUEST_SCHEMA.names if line.get(name) not in (None, "")
    }
    for name in ("key", "name", "format", "decoder"):
        if not isinstance(said.get(name, ""), str):
            raise TypeError(f"Expected text as {name}, got {said[name]!r}.")
        said.get(name, "").encode()  # JSON may hold halves of characters
    if "key" not in said:
        raise ValueError("Expected a key, got none.")
    if said.get("format") not in (None, *get_args(OutputFormat)):
        raise ValueError(f"Expected a format of {', '.join(get_args(OutputFormat))}, got {said['format']!r}.")
    if "decoder" in said:
        check_decoder(said["decoder"])
    for name in ("size", "priority"):
        if name in said:
            said[name] = _whole(name, said[name])
            if name == "size" and said[name] < 1:
                raise ValueError(f"Expected a size of 1 pixel or more, got {said[name]}.")
    if "region" in said:
        said["region"] = _region(said["region"])
    if "deadline" in said:
        said["deadline"] = _moment(said["deadline"])
    return said | {"priority": said.get("priority", 0)}


def _whole(name: str, value: object) -> int:
    try:
        whole = int(str(value))
    except ValueError:
        whole = None
    if whole is None or not -(2**63) <= whole < 2**63:
        raise ValueError(f"Expected a whole number as {name}, got {value!r}.")
    return whole


def _region(value: object) -> Region:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value).replace(" ", "")
    match = _REGION.fullmatch(text)
    left, top, width, height = map(int, match.groups()) if match else (0, 0, 0, 0)
    if not width or not height:
        raise ValueError(f"Expected a region LEFT,TOP,WIDTH,HEIGHT in pixels, as 0,0,512,512, got {value!r}.")
    return left, top, width, height


def _moment(value: object) -> datetime:
    """A time in UTC, unless it says another zone."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"Expected a time such as 2026-11-28T18:00Z as deadline, got {value!r}.") from None


def _distinct(table: pa.Table, url: str) -> pa.Table:
    """Each request once.

    Raises:
        SourceError: two of them would be called the same.
    """
    positions: dict[str, int] = {}
    kept = []
    for number, (key, name) in enumerate(
        zip(table["key"].to_pylist(), table["name"].to_pylist(), strict=True)
    ):
        earlier = positions.setdefault(name or key, number)
        if earlier == number:
            kept.append(number)
        elif table.slice(earlier, 1) != table.slice(number, 1):
            raise SourceError(
                f"Expected another `name` for each file that is requested, got {name or key!r} for two of {url}: "
                f"{_said(table, earlier)} and {_said(table, number)}. Name them apart."
            )
    return table.take(kept)


def _said(table: pa.Table, number: int) -> str:
    (row,) = table.slice(number, 1).to_pylist()
    return json.dumps({name: value for name, value in row.items() if value is not None}, default=str)


def _kind_of(path: str) -> str:
    return path.rpartition(".")[2].lower()


def _csv_lines(data: bytes) -> Iterator[_Line]:
    reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    for line in reader:
        yield f"line {reader.line_num}", line


def _json_lines(data: bytes) -> Iterator[_Line]:
    for number, text in enumerate(data.decode("utf-8-sig").split("\n"), 1):
        if text.strip():
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                line = None
            yield f"line {number}", line if isinstance(line, dict) else {}


def _parquet_lines(data: bytes) -> Iterator[_Line]:
    number = 0
    for batch in pq.ParquetFile(io.BytesIO(data)).iter_batches(_ROWS_PER_BATCH):
        for line in batch.to_pylist():
            number += 1
            yield f"row {number}", line


_READERS: Final[Mapping[str, Callable[[bytes], Iterator[_Line]]]] = {
    "parquet": _parquet_lines,
    "csv": _csv_lines,
    "jsonl": _json_lines,
    "ndjson": _json_lines,
}
