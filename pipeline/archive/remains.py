"""What can still be read of a catalogue that is lost: by Arrow's reader, which raises where deltalake's may abort."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.archive.data_files import in_types_of
from pipeline.archive.delta_log import files_in_checkpoint
from pipeline.archive.layout import CATALOGUE_FOLDER, LOG_FOLDER, entry_path, log_number
from pipeline.archive.lost_reason import with_legacy_lost_shard
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.archive.seals import read_seals
from pipeline.errors import ArchiveError
from pipeline.store.storage import Storage


def rows_that_remain(archive: Storage) -> pa.Table:
    """The rows of the catalogue's Parquet files that are whole, of those that its log leaves in the newest version.

    Returns:
        CATALOGUE_SCHEMA; a key may be there more than once.
    """
    sealed = read_seals(archive).files
    batches: list[pa.RecordBatch] = []
    for path in _files_that_count(archive):
        try:
            data = archive.read(path)
        except FileNotFoundError:
            continue
        if path in sealed and hashlib.sha256(data).hexdigest() != sealed[path][0]:
            continue
        with suppress(
            pa.ArrowException, OSError, ArchiveError
        ):  # one that no seal vouches for need not be whole
            with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
                rows = file.read()
            rows.validate(full=True)
            batches += [
                with_legacy_lost_shard(in_types_of(CATALOGUE_SCHEMA, batch)) for batch in rows.to_batches()
            ]
    return pa.Table.from_batches(batches, CATALOGUE_SCHEMA)


def _files_that_count(archive: Storage) -> dict[str, None]:
    """The Parquet files that the log has added and not removed; what of it cannot be read says nothing."""
    files: dict[str, None] = {}
    for info in archive.list(
        LOG_FOLDER
    ):  # in the order of versions; a checkpoint of one comes before its entry
        number = log_number(info.path)
        with suppress(FileNotFoundError, ArchiveError, ValueError, KeyError, TypeError):
            if number is not None and info.path == entry_path(number):
                for line in archive.read(info.path).splitlines():
                    _replay(json.loads(line), files)
            elif number is not None:
                files |= dict.fromkeys(
                    path for path, _ in files_in_checkpoint(archive.read(info.path), info.path)
                )
    return files


def _replay(action: dict[str, dict[str, str]], files: dict[str, None]) -> None:
    if "remove" in action:
        files.pop(f"{CATALOGUE_FOLDER}/{unquote(action['remove']['path'])}", None)
    if "add" in action:
        files[f"{CATALOGUE_FOLDER}/{unquote(action['add']['path'])}"] = None
