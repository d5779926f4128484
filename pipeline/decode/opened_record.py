"""Which record a command belongs to: that of its own job, or of the same command's job that was not finished."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.archive.layout import sha16
from pipeline.decode.file_names import RECORDS
from pipeline.decode.job_record import JobRecord
from pipeline.store.storage import Storage


@contextmanager
def temporary_record() -> Iterator[JobRecord]:
    """A record that is gone when the run has ended."""
    with TemporaryDirectory(prefix="tenfold-") as folder:
        yield JobRecord(Storage(folder), "decode")


def opened_record(destination: Storage, asked: dict[str, Any], edition: str) -> JobRecord:
    """The record of a job, which may have been begun.

    A job is what is asked for, and of which version of the archive. While one of an earlier version has work left, the
    same command goes on with that.

    Args:
        asked: selection and options.
        edition: of the archive's catalogue, as it is now.
    """
    record = JobRecord(destination, _digest(asked, edition))
    try:
        earlier = JobRecord(destination, json.loads(destination.read(_pointer(asked)))["job"])
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return record
    head = earlier.head() if earlier.job != record.job else None
    return earlier if head is not None and len(earlier.finished()) < head.tasks else record


def remember(destination: Storage, asked: dict[str, Any], job: str) -> None:
    """Let the same command find this job, whatever the version of the archive is then."""
    destination.write(_pointer(asked), json.dumps({"job": job}).encode())


def _pointer(asked: dict[str, Any]) -> str:
    return f"{RECORDS}/commands/{_digest(asked)}.json"


def _digest(*what: object) -> str:
    return sha16(json.dumps(what, sort_keys=True).encode())
