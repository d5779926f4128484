"""What became of the images of a decode, added up from its plan and its results."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import pyarrow as pa

from pipeline.decode.job_record import NOTHING_TO_DECODE, JobRecord, PlanHead, by_task
from pipeline.decode.requests import REQUEST_SCHEMA
from pipeline.decode.tasks import DecodeResult

SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
_SUCCEEDED_SCHEMA: Final = pa.schema(
    {"key": pa.string(), "path": pa.string(), "pack": pa.string(), "num_bytes": pa.int64()}
)
_FAILED_SCHEMA: Final = pa.schema([*REQUEST_SCHEMA, pa.field("reason", pa.string())])


@dataclass(slots=True, kw_only=True)
class DecodeOutcome:
    """Grows with every task that it is told of."""

    done: int = 0
    """Planned images that were written, or failed."""
    written: int = 0
    written_bytes: int = 0
    late: int = 0
    """Images that were there only after the deadline that was given for them."""
    packs: list[str] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)
    renamed: list[dict[str, str]] = field(default_factory=list)
    in_other_format: list[dict[str, str]] = field(default_factory=list)
    _succeeded: list[pa.RecordBatch] = field(default_factory=list)
    _failed: list[pa.Table] = field(default_factory=list)

    @classmethod
    def of(cls, record: JobRecord, head: PlanHead) -> DecodeOutcome:
        """What has come of a job so far."""
        outcome = cls()
        finished = record.finished()
        for path in head.parts:
            for number, rows in by_task(record.part(path)):
                if number == NOTHING_TO_DECODE:
                    outcome._add_failed(rows, rows["reason"].to_pylist())
                elif number in finished:
                    outcome._add(rows, *record.result(number))
        return outcome

    def lists(self) -> dict[str, pa.Table]:
        """`succeeded`: where each image lies. `failed`: a list of requests, with the reason of each."""
        return {
            SUCCEEDED: pa.Table.from_batches(self._succeeded, _SUCCEEDED_SCHEMA),
            FAILED: pa.concat_tables([_FAILED_SCHEMA.empty_table(), *self._failed]),
        }

    def _add(self, rows: pa.Table, ended_at: datetime, result: DecodeResult) -> None:
        keys, deadlines = rows["key"].to_pylist(), rows["deadline"].to_pylist()
        for one in result.delivered:
            key, deadline = keys[one.position], deadlines[one.position]
            self.late += deadline is not None and deadline < ended_at
            self.written_bytes += one.num_bytes
            if one.is_renamed:
                self.renamed.append({"key": key, "name": one.path})
            if one.otherwise is not None:
                self.in_other_format.append({"key": key, "reason": one.otherwise})
        self.done += rows.num_rows
        self.written += len(result.delivered)
        self.packs += sorted(result.packs)
        succeeded = [
            {"key": keys[one.position], "path": one.path, "pack": one.pack, "num_bytes": one.num_bytes}
            for one in result.delivered
        ]
        self._succeeded.append(pa.RecordBatch.from_pylist(succeeded, _SUCCEEDED_SCHEMA))
        if result.failed:
            positions, reasons = zip(*result.failed, strict=True)
            self._add_failed(rows.take(positions), reasons)

    def _add_failed(self, rows: pa.Table, reasons: list[str] | tuple[str, ...]) -> None:
        said = rows.select(REQUEST_SCHEMA.names)
        self._failed.append(said.append_column("reason", pa.array(reasons, pa.string())).cast(_FAILED_SCHEMA))
        self.failures += [
            {"key": key, "reason": reason}
            for key, reason in zip(rows["key"].to_pylist(), reasons, strict=True)
        ]
