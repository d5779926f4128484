"""A checkpoint of one version, so that the log before it can go.

deltalake makes it in a temporary folder, from copies of the log; it is put into the archive once it is proven to hold
what the log holds. In the archive itself, deltalake would overwrite `_last_checkpoint` with an older version's.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from deltalake import DeltaTable

from pipeline.archive.delta_errors import translated
from pipeline.archive.delta_log import chain_start, hinted_version
from pipeline.archive.layout import CATALOGUE_FOLDER, LAST_CHECKPOINT, LOG_FOLDER, checkpoint_path, entry_path
from pipeline.archive.seals import read_seals, seal_these
from pipeline.errors import DamagedError
from pipeline.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class _TableState:
    """All that decides what a reader of a version sees."""

    version: int
    files: dict[str, int]
    schema: str
    configuration: dict[str, str]


def ensure_checkpoint(archive: Storage, version: int) -> None:
    """See that a version and those after it can be read without anything that is older.

    Safe to be killed anywhere and done again.

    Raises:
        DamagedError: a checkpoint does not hold what the log holds. Nothing may be removed then.
    """
    path, entry = checkpoint_path(version), entry_path(version)
    log_files = {info.path for info in archive.list(LOG_FOLDER)}
    sealed = read_seals(archive).files
    # a sealed checkpoint needs no second proof: what it refers to was read from it just before
    is_proven = path in log_files and path in sealed
    chain = {
        name: archive.read(name) for name in ([path, entry] if is_proven else _chain(log_files, version))
    }
    checkpoint, state = _checkpoint_and_state(archive, chain, version)
    if checkpoint is None or not archive.create(path, checkpoint):
        checkpoint = archive.read(path)  # a run made it, or a prune that was killed
    if _state(archive, {path: checkpoint, entry: archive.read(entry)}) != state:
        raise DamagedError(
            f"Expected {path} to hold what the log holds up to version {version}, got something else. Nothing was "
            f"removed: run `tenfold verify`; if it finds no fault, move {path} away and prune again."
        )
    unsealed = {} if path in sealed else {path: checkpoint}
    if _hinted_version(archive) >= version:
        if unsealed:
            seal_these(archive, unsealed)
        return
    hint = _hint(version, checkpoint, num_files=len(state.files))
    # sealed before it is overwritten: from then on `verify` must know the new one
    seal_these(archive, {path: checkpoint, LAST_CHECKPOINT: hint})
    archive.write(LAST_CHECKPOINT, hint)


def _chain(log_files: Collection[str], version: int) -> list[str]:
    """What a version is read from; not from its own checkpoint if another way is left, so that this one is proven."""
    start = chain_start(log_files, version - 1)
    entries = [entry_path(number) for number in range(start, version + 1)]
    if checkpoint_path(start) in log_files:
        return [checkpoint_path(start), *(path for path in entries if path in log_files)]
    if all(path in log_files for path in entries):
        return entries
    return [checkpoint_path(version), entry_path(version)]


def _hinted_version(archive: Storage) -> int:
    """The version that `_last_checkpoint` names; a huge one if it is missing: readers then list the log."""
    with suppress(FileNotFoundError):
        return hinted_version(archive.read(LAST_CHECKPOINT)) or 0
    return 2**63


def _hint(version: int, checkpoint: bytes, *, num_files: int) -> bytes:
    """`_last_checkpoint` as deltalake writes it."""
    from pyarrow.parquet import ParquetFile  # most looks make no checkpoint

    with ParquetFile(pa.BufferReader(checkpoint)) as file:
        size = file.metadata.num_rows
    facts = {"version": version, "size": size, "sizeInBytes": len(checkpoint), "numOfAddFiles": num_files}
    return json.dumps(facts, separators=(",", ":")).encode()


def _checkpoint_and_state(
    archive: Storage, chain: Mapping[str, bytes], version: int
) -> tuple[bytes | None, _TableState]:
    """A checkpoint, or None where the chain begins with it, and what the version consists of."""
    with TemporaryDirectory(prefix="tenfold-") as folder:
        table = _rebuilt(archive, chain, Path(folder))
        state = _content(table)
        if checkpoint_path(version) in chain:
            return None, state
        with translated(archive, CATALOGUE_FOLDER, ()):
            table.create_checkpoint()
        return _local(Path(folder), checkpoint_path(version)).read_bytes(), state


def _state(archive: Storage, log: Mapping[str, bytes]) -> _TableState:
    with TemporaryDirectory(prefix="tenfold-") as folder:
        return _content(_rebuilt(archive, log, Path(folder)))


def _rebuilt(archive: Storage, log: Mapping[str, bytes], folder: Path) -> DeltaTable:
    for path, data in log.items():
        file = _local(folder, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    with translated(archive, CATALOGUE_FOLDER, ()):
        return DeltaTable(str(folder))


def _content(table: DeltaTable) -> _TableState:
    actions = pa.table(table.get_add_actions(flatten=True))
    files = dict(zip(actions["path"].to_pylist(), actions["size_bytes"].to_pylist(), strict=True))
    return _TableState(
        version=table.version(),
        files=files,
        schema=table.schema().to_json(),
        configuration=table.metadata().configuration,
    )


def _local(folder: Path, path: str) -> Path:
    return folder / path.removeprefix(f"{CATALOGUE_FOLDER}/")
