"""What can be read from the catalogue's Delta log without a Delta reader: versions by their names, and entries."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from pipeline.archive.layout import CATALOGUE_FOLDER, checkpoint_path, entry_path, log_number
from pipeline.errors import ArchiveError, DamagedError


def files_added(entry: bytes, path: str) -> Iterator[tuple[str, int]]:
    """(path below the archive, bytes) of the Parquet files that a log entry adds.

    Raises:
        DamagedError: it is no log entry.
        ArchiveError: it adds a file that lies elsewhere.
    """
    try:
        adds = [action["add"] for action in map(json.loads, entry.splitlines()) if "add" in action]
        yield from [_file_of(add, path) for add in adds]
    except (ValueError, KeyError, TypeError) as error:
        raise _no_log_file(path, error) from error


def commit_info(entry: bytes, path: str) -> dict[str, Any]:
    """What a log entry says of the commit that made it; nothing where another tool says nothing.

    Raises:
        DamagedError: it is no log entry.
    """
    try:
        actions = [json.loads(line) for line in entry.splitlines()]
        return dict(next((action["commitInfo"] for action in actions if "commitInfo" in action), {}))
    except (ValueError, TypeError) as error:
        raise _no_log_file(path, error) from error


def files_in_checkpoint(checkpoint: bytes, path: str) -> Iterator[tuple[str, int]]:
    """(path below the archive, bytes) of the Parquet files that a checkpoint adds.

    Raises:
        As `files_added`.
    """
    from pyarrow.parquet import ParquetFile  # most looks need no checkpoint

    try:
        with ParquetFile(pa.BufferReader(checkpoint)) as file:
            adds = [add for add in file.read(columns=["add"])["add"].to_pylist() if add is not None]
        yield from [_file_of(add, path) for add in adds]
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise _no_log_file(path, error) from error


def _file_of(add: dict[str, Any], path: str) -> tuple[str, int]:
    name, size = unquote(add["path"]), int(add["size"])
    if "://" in name or name.startswith("/"):
        raise ArchiveError(
            f"Expected Parquet files inside {CATALOGUE_FOLDER}/ in {path}, got {name!r}: another tool wrote that "
            "version, and Tenfold does not know what else it refers to."
        )
    return f"{CATALOGUE_FOLDER}/{name}", size


def _no_log_file(path: str, error: Exception) -> DamagedError:
    return DamagedError(
        f"Expected a file of a Delta log at {path}, got {type(error).__name__}: {error}. Restore it from a copy, or "
        "run `tenfold repair`."
    )


def hint_problem(hint: bytes, log_files: Mapping[str, int]) -> str | None:
    """What is wrong with a `_last_checkpoint` that nothing vouches for; None when it names a checkpoint that is there.

    Args:
        log_files: path -> bytes of what lies in the log.
    """
    version = hinted_version(hint)
    if version is None or checkpoint_path(version) not in log_files:
        return "nothing that can be read" if version is None else f"version {version:,}"
    size = json.loads(hint).get("sizeInBytes", log_files[checkpoint_path(version)])
    return None if size == log_files[checkpoint_path(version)] else f"one of {size} bytes"


def hinted_version(hint: bytes) -> int | None:
    """The version of the checkpoint that `_last_checkpoint` names; None when it says nothing."""
    try:
        return int(json.loads(hint)["version"])
    except (ValueError, KeyError, TypeError):
        return None


def oldest_readable(paths: Iterable[str]) -> int:
    """The first version that can be read, from the names in the log.

    An entry that an unfinished prune has left below it makes no version: what it builds on was removed.
    """
    entries: set[int] = set()
    checkpoints: set[int] = set()
    for path in paths:
        number = log_number(path)
        if number is not None:
            (entries if path == entry_path(number) else checkpoints).add(number)
    oldest = max(entries, default=0)
    while oldest - 1 in entries:
        oldest -= 1
    return oldest if oldest == 0 else min((c for c in checkpoints if c >= oldest), default=oldest)


def chain_start(log_files: Collection[str], version: int) -> int:
    """Where reading a version begins: at the newest checkpoint that is not newer, or at the first entry."""
    return max((number for number in _checkpoints(log_files) if number <= version), default=0)


def _checkpoints(log_files: Collection[str]) -> Iterator[int]:
    for path in log_files:
        number = log_number(path)
        if number is not None and path == checkpoint_path(number):
            yield number
