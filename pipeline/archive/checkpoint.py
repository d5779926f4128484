"""A checkpoint of one version, so that the log before it can go.

Made by deltalake in a temporary folder, from copies of the log, and put into the archive when it is proven to hold
what the log holds. deltalake in the archive itself would overwrite `_last_checkpoint` with an older version's.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from pipeline.archive.delta_errors import translated
from pipeline.archive.delta_log import chain_start, hinted_version
from pipeline.archive.layout import CATALOGUE_FOLDER, LAST_CHECKPOINT, LOG_FOLDER, checkpoint_path, entry_path
from pipeline.archive.seals import read_seals, seal_these
from pipeline.errors import DamagedError
from pipeline.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """All that decides what a version shows."""

    version: int
    files: dict[str, int]
    schema: str
    configuration: dict[str, str]


def secure(archive: Storage, version: int) -> None:
    """See that a version and those after it can be read without anything that is older.

    Safe to be killed anywhere and done again.

    Raises:
        DamagedError: a checkpoint does not hold what the log holds. Nothing may be removed then.
    """
    own, entry = checkpoint_path(version), entry_path(version)
    held = {info.path for info in archive.list(LOG_FOLDER)}
    sealed = read_seals(archive).files
    # one that is sealed has just been checked: the references were read from it
    is_sealed = own in held and own in sealed
    chain = {path: archive.read(path) for path in ([own, entry] if is_sealed else _chain(held, version))}
    made, state = _made(archive, chain, version)
    if made is None or not archive.create(own, made):
        made = archive.read(own)  # a run's, or that of a prune that was killed
    if _state(archive, {own: made, entry: archive.read(entry)}) != state:
        raise DamagedError(
            f"Expected {own} to hold what the log holds up to version {version}, got something else. Nothing was "
            f"removed: run `tenfold verify`; if it finds no fault, move {own} away and prune again."
        )
    news = {own: made}
    if _hinted(archive) < version:
        news[LAST_CHECKPOINT] = _hint(version, made, num_files=len(state.files))
    if LAST_CHECKPOINT in news or own not in sealed:
        seal_these(archive, news)  # before the hint is overwritten: `verify` must know it from then on
    if LAST_CHECKPOINT in news:
        archive.write(LAST_CHECKPOINT, news[LAST_CHECKPOINT])


def _chain(held: Collection[str], version: int) -> list[str]:
    """What a version is read from: without its own checkpoint where that can be, so as to prove it."""
    before = chain_start(held, version - 1)
    entries = [entry_path(number) for number in range(before, version + 1)]
    if checkpoint_path(before) in held:
        return [checkpoint_path(before), *(path for path in entries if path in held)]
    if all(path in held for path in entries):
        return entries
    return [checkpoint_path(version), entry_path(version)]


def _hinted(archive: Storage) -> int:
    """The version that `_last_checkpoint` names; where there is none, readers list the log and need no hint."""
    with suppress(FileNotFoundError):
        return hinted_version(archive.read(LAST_CHECKPOINT)) or 0
    return 2**63


def _hint(version: int, checkpoint: bytes, *, num_files: int) -> bytes:
    """`_last_checkpoint` as deltalake writes it."""
    with pq.ParquetFile(pa.BufferReader(checkpoint)) as file:
        size = file.metadata.num_rows
    facts = {"version": version, "size": size, "sizeInBytes": len(checkpoint), "numOfAddFiles": num_files}
    return json.dumps(facts, separators=(",", ":")).encode()


def _made(archive: Storage, chain: Mapping[str, bytes], version: int) -> tuple[bytes | None, _State]:
    """A checkpoint, or None where the chain is one already, and what the version consists of."""
    with TemporaryDirectory(prefix="tenfold-") as folder:
        table = _rebuilt(archive, chain, Path(folder))
        state = _content(table)
        if checkpoint_path(version) in chain:
            return None, state
        with translated(archive, CATALOGUE_FOLDER, ()):
            table.create_checkpoint()
        return _local(Path(folder), checkpoint_path(version)).read_bytes(), state


def _state(archive: Storage, log: Mapping[str, bytes]) -> _State:
    with TemporaryDirectory(prefix="tenfold-") as folder:
        return _content(_rebuilt(archive, log, Path(folder)))


def _rebuilt(archive: Storage, log: Mapping[str, bytes], folder: Path) -> DeltaTable:
    for path, data in log.items():
        file = _local(folder, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    with translated(archive, CATALOGUE_FOLDER, ()):
        return DeltaTable(str(folder))


def _content(table: DeltaTable) -> _State:
    actions = pa.table(table.get_add_actions(flatten=True))
    files = dict(zip(actions["path"].to_pylist(), actions["size_bytes"].to_pylist(), strict=True))
    return _State(
        version=table.version(),
        files=files,
        schema=table.schema().to_json(),
        configuration=table.metadata().configuration,
    )


def _local(folder: Path, path: str) -> Path:
    return folder / path.removeprefix(f"{CATALOGUE_FOLDER}/")
