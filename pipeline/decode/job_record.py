"""What a decode job leaves in `_decode/<job>/` of its destination, so that the same command goes on with it.

    job.json                          what was asked for, and the parts of the plan; there is no work before it
    plan/<n>-<sha16>.parquet          the images, task by task
    results/<task>.json               what became of a task, made once, when all of it is there
    report.json, succeeded.parquet, failed.parquet      what became of all

Two drivers of one job are harmless: of `job.json` and of each result there is one, whoever was first.
"""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.archive.layout import sha16
from pipeline.decode.file_names import RECORDS
from pipeline.decode.selection import SELECTED_SCHEMA
from pipeline.decode.tasks import DecodeResult, Delivered
from pipeline.errors import DamagedError
from pipeline.store.storage import Storage

NOTHING_TO_DECODE: Final = -1
"""In the place of a task's number: of an image that was asked for and cannot come."""
PLACE_TYPE: Final = pa.struct(
    {"fmt": pa.string(), "asked": pa.string(), "path": pa.string(), "replaces": pa.bool_()}
)
PLAN_SCHEMA: Final = pa.schema(
    [
        *SELECTED_SCHEMA,
        pa.field("places", pa.list_(PLACE_TYPE)),
        pa.field("task", pa.int64()),
    ]
)
"""A planned image: `format` is the one that it is asked for in, where that is not the one of all."""
_RESULT: Final = re.compile(r"(\d{6,})\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHead:
    """`job.json`."""

    job: str
    archive: str
    version: int
    """Of the archive's catalogue."""
    asked: dict[str, Any]
    """The selection and the options."""
    parts: tuple[str, ...] = ()
    """Paths of the plan below the record."""
    tasks: int = 0
    selected: int = 0
    """Images that are asked for."""
    planned: int = 0
    """Images to write."""
    existing: int = 0
    """Selected images whose file was to stay."""
    without_payload: int = 0
    """Selected images of which the archive holds nothing, because they failed when it was made, or never came."""
    megapixels: float = 0.0
    """Of the planned images."""


class JobRecord:
    """The record of one job."""

    def __init__(self, destination: Storage, job: str) -> None:
        """Name the job; nothing is contacted yet."""
        self._storage = destination
        self._folder = f"{RECORDS}/{job}"
        self.job = job

    @property
    def url(self) -> str:
        """Where it lies."""
        return f"{self._storage.url}/{self._folder}"

    def head(self) -> PlanHead | None:
        """What was planned, or None as long as nothing is.

        Raises:
            DamagedError: what is there is no plan.
        """
        try:
            text = self._storage.read(f"{self._folder}/job.json")
        except FileNotFoundError:
            return None
        try:
            record = json.loads(text)
            return PlanHead(**{**record, "parts": tuple(record["parts"])})
        except (ValueError, TypeError, KeyError) as error:
            raise self._damaged("job.json", error) from error

    def store_part(self, number: int, rows: pa.Table) -> str:
        """Write a part of a plan, PLAN_SCHEMA, before it is one, and return its path."""
        data = _parquet(rows)
        path = f"plan/{number:06d}-{sha16(data)}.parquet"
        self._storage.create(f"{self._folder}/{path}", data)
        return path

    def start(self, head: PlanHead) -> PlanHead:
        """Make this the plan, unless there is one: that one is returned."""
        if self._storage.create(f"{self._folder}/job.json", _json(asdict(head))):
            return head
        return self.head() or head

    def part(self, path: str) -> pa.Table:
        """A part of the plan.

        Raises:
            DamagedError: what comes back is not what was stored.
        """
        try:
            return pq.read_table(io.BytesIO(self._storage.read(f"{self._folder}/{path}")), schema=PLAN_SCHEMA)
        except pa.ArrowException as error:
            raise self._damaged(path, error) from error

    def finished(self) -> set[int]:
        """Numbers of the tasks that have a result."""
        names = (info.path.rpartition("/")[2] for info in self._storage.list(f"{self._folder}/results"))
        return {int(match[1]) for match in map(_RESULT.fullmatch, names) if match is not None}

    def finish(self, task: int, result: DecodeResult) -> bool:
        """Record what became of a task; False when that was recorded before."""
        record = {
            "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "pixels": result.pixels,
            "delivered": [astuple(one) for one in result.delivered],
            "failed": result.failed,
        }
        return self._storage.create(self._result_path(task), _json(record, indent=None))

    def result(self, task: int) -> tuple[datetime, DecodeResult]:
        """When a task ended, and what became of it.

        Raises:
            DamagedError: what comes back is not what was recorded.
        """
        try:
            record = json.loads(self._storage.read(self._result_path(task)))
            result = DecodeResult(
                delivered=tuple(Delivered.from_tuple(one) for one in record["delivered"]),
                failed=tuple((position, reason) for position, reason in record["failed"]),
                pixels=record["pixels"],
            )
            return datetime.fromisoformat(record["ended_at"]), result
        except (ValueError, TypeError, KeyError) as error:
            raise self._damaged(f"results/{task:06d}.json", error) from error

    def write_report(self, report: dict[str, Any]) -> None:
        """Write `report.json`, in the place of an earlier one."""
        self._storage.write(f"{self._folder}/report.json", _json(report))

    def write_list(self, name: str, rows: pa.Table) -> None:
        """Write one of the lists of images, in the place of an earlier one."""
        self._storage.write(f"{self._folder}/{name}.parquet", _parquet(rows))

    def _result_path(self, task: int) -> str:
        return f"{self._folder}/results/{task:06d}.json"

    def _damaged(self, path: str, error: Exception) -> DamagedError:
        return DamagedError(
            f"Expected a part of a decode job's record at {self.url}/{path}, got damaged bytes ({error}). Delete "
            f"{self.url}, and run the same command again: it is then planned anew."
        )


def by_task(part: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """(number of the task, its images) of a part of a plan, in its order."""
    numbers = part["task"].to_numpy()
    edges = np.flatnonzero(np.diff(numbers)) + 1
    for start, stop in itertools.pairwise([0, *edges.tolist(), len(numbers)]):
        if stop > start:
            yield int(numbers[start]), part.slice(start, stop - start)


def _parquet(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    return memoryview(sink.getvalue()).tobytes()


def _json(record: dict[str, Any], *, indent: int | None = 2) -> bytes:
    return (json.dumps(record, indent=indent, ensure_ascii=False) + "\n").encode()
