"""Checksums of the catalogue's own files, so that `verify` finds a flipped byte there too.

    seals/<version>-<sha16>.json      {"version": 12, "files": {"catalogue/...": ["<sha256>", bytes], ...}}

Delta Lake keeps no checksums of its files. At its end, a run seals what it and killed runs before it have added: log
entries, the Parquet files that these name, and checkpoints. None of them ever changes but `_last_checkpoint`, a hint
that Delta overwrites. A prune removes some, and replaces all seals by one; a run does so where they have become many,
for who opens an archive reads each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pipeline.archive.delta_log import files_added, hinted_version, oldest_readable
from pipeline.archive.layout import (
    LAST_CHECKPOINT,
    LOG_FOLDER,
    SEALS_FOLDER,
    log_number,
    seal_path,
    sealed_version,
)
from pipeline.archive.prune_marks import PruneMarkReader
from pipeline.store.failures import problem
from pipeline.store.storage import Storage

_READS: Final = 5
_READERS: Final = 8
_MANY: Final = 16
"""Seals that are worth replacing by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What the seals of an archive say."""

    version: int
    """The newest version that is sealed; -1 for none."""
    files: dict[str, tuple[str, int]]
    """Path -> (sha256, bytes)."""
    hints: frozenset[str]
    """SHA-256 of every `_last_checkpoint` that was sealed; a prune seals its own before it writes it."""
    seals: tuple[str, ...]
    """Paths of the seals that are whole."""
    broken: tuple[str, ...]
    """Paths of seals whose bytes are not those that their names promise."""


NO_SEALS: Final = Sealed(version=-1, files={}, hints=frozenset(), seals=(), broken=())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seal:
    """What one seal says."""

    version: int
    files: Mapping[str, tuple[str, int]]


class SealReader:
    """Reads the seals of one archive; none twice, for they never change. Not for several threads at once."""

    def __init__(self, archive: Storage) -> None:
        """Contact nothing yet."""
        self._archive = archive
        self._read: dict[str, _Seal] = {}

    def read(self) -> Sealed:
        """All seals together; where two hold a file, the later one counts."""
        while True:
            with suppress(FileNotFoundError):  # a prune has replaced the seals that were listed
                return self._listed()

    def _listed(self) -> Sealed:
        paths = [info.path for info in self._archive.list(SEALS_FOLDER)]
        new = [path for path in paths if path not in self._read]
        with ThreadPoolExecutor(_READERS, thread_name_prefix="seals") as pool:
            found = zip(new, pool.map(self._parsed, new), strict=True)
            read = self._read | {path: seal for path, seal in found if seal is not None}
        self._read = {path: read[path] for path in paths if path in read}
        files: dict[str, tuple[str, int]] = {}
        for seal in self._read.values():
            files |= seal.files
        hints = (seal.files.get(LAST_CHECKPOINT) for seal in self._read.values())
        return Sealed(
            version=max((seal.version for seal in self._read.values()), default=-1),
            files=files,
            hints=frozenset(hint[0] for hint in hints if hint is not None),
            seals=tuple(self._read),
            broken=tuple(path for path in paths if path not in self._read),
        )

    def _parsed(self, path: str) -> _Seal | None:
        """A seal; None when its bytes are not those that its name promises."""
        data = self._archive.read(path)
        version = sealed_version(path, data)
        if version is None:
            return None
        files = json.loads(data)["files"].items()
        return _Seal(
            version=version, files={name: (str(sha256), int(size)) for name, (sha256, size) in files}
        )


def read_seals(archive: Storage) -> Sealed:
    """All seals as they are; where two hold a file, the later one counts."""
    return SealReader(archive).read()


def seal(archive: Storage, version: int) -> None:
    """Record the checksums of everything the catalogue consists of up to a version and that has none yet."""
    seals = SealReader(archive)
    sealed = seals.read()
    checksums = {path: _checksum(data) for path, data in _unsealed(archive, version, sealed.files)}
    files = {path: checksum for path, checksum in checksums.items() if checksum != sealed.files.get(path)}
    if files:
        _write(archive, version, files)
        _forget_pruned(archive, files)
        if len(sealed.seals) >= _MANY:
            _replace(archive, seals.read(), lambda path: False)


def _forget_pruned(archive: Storage, files: Mapping[str, tuple[str, int]]) -> None:
    """Leave out of the seals what a prune removed while it was being sealed, since the prune could not."""
    oldest = oldest_readable(info.path for info in archive.list(LOG_FOLDER))
    if any(number < oldest for path in files if (number := log_number(path)) is not None):
        gone = {path for path in files if not archive.exists(path)}
        reseal(archive, lambda path: path in gone)


def seal_these(archive: Storage, content: Mapping[str, bytes]) -> None:
    """Record the checksums of files that a prune is about to write into the catalogue."""
    version = max(read_seals(archive).version, 0)  # no higher: what a run has added since must stay unsealed
    _write(archive, version, {path: _checksum(data) for path, data in content.items()})


def reseal(archive: Storage, is_gone: Callable[[str], bool]) -> None:
    """Replace all seals by one that leaves out the files that were removed on purpose, if there are any."""
    sealed = read_seals(archive)
    if any(map(is_gone, sealed.files)):
        _replace(archive, sealed, is_gone)


def _replace(archive: Storage, sealed: Sealed, is_gone: Callable[[str], bool]) -> None:
    """One seal in place of many. It comes first: until the old ones are gone, their checksums count as well."""
    new = seal_without(archive, sealed, is_gone)
    for path in sealed.seals:
        if path != new:
            with suppress(FileNotFoundError):
                archive.delete(path)


def seal_without(archive: Storage, sealed: Sealed, is_gone: Callable[[str], bool]) -> str:
    """Write one seal that says what all whole ones say, without some files; gives its path."""
    files = {path: checksum for path, checksum in sealed.files.items() if not is_gone(path)}
    if not is_gone(LAST_CHECKPOINT):
        with suppress(FileNotFoundError):
            hint = _checksum(archive.read(LAST_CHECKPOINT))
            if hint[0] in sealed.hints:  # else a run has overwritten it, and will seal it
                files[LAST_CHECKPOINT] = hint
    return _write(archive, max(sealed.version, 0), files)


def _write(archive: Storage, version: int, files: Mapping[str, tuple[str, int]]) -> str:
    data = json.dumps({"version": version, "files": files}, sort_keys=True).encode()
    path = seal_path(version, data)
    archive.create(path, data)
    return path


def _unsealed(
    archive: Storage, version: int, sealed: Mapping[str, tuple[str, int]]
) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of the hint, of the log's files up to a version that are not sealed, and of what these name."""
    for info in archive.list(LOG_FOLDER):
        number = log_number(info.path)
        is_new = number is not None and number <= version and info.path not in sealed
        if not is_new and info.path != LAST_CHECKPOINT:
            continue
        with suppress(FileNotFoundError):  # pruned, or lost: `verify` notices that without a seal
            data = read_steadily(archive, info.path)
            yield info.path, data
            if is_new and info.path.endswith(".json"):
                for path, _ in files_added(data, info.path):
                    if path not in sealed:
                        with suppress(FileNotFoundError):
                            yield path, read_steadily(archive, path)


def read_steadily(archive: Storage, path: str) -> bytes:
    """An object's bytes, on which two reads agree: a bit that flips on the way must not pass for what was written.

    Raises:
        StorageError: no two reads agree.
    """
    data = archive.read(path)
    for _ in range(_READS):
        again = archive.read(path)
        if again == data:
            return data
        data = again
    raise problem(
        expected="the same bytes each time it is read",
        got="others",
        where=f"{archive.url}/{path}",
        do="check the disk, the memory and the way to the store",
    )


def _checksum(data: bytes) -> tuple[str, int]:
    return hashlib.sha256(data).hexdigest(), len(data)


def damaged(archive: Storage, sealed: Sealed) -> Iterator[tuple[str, str]]:
    """(path, what is wrong) of sealed files that are not what they were."""
    for path in sealed.broken:
        yield path, "Expected the checksums that its name promises, got others: the seal is damaged."
    missing: dict[str, int] = {}
    for path, (sha256, size) in sorted(sealed.files.items()):
        try:
            data = archive.read(path)
            if hashlib.sha256(data).hexdigest() != sha256:
                data = archive.read(path)  # perhaps it was damaged only on the way
        except FileNotFoundError:
            missing[path] = size
            continue
        found = hashlib.sha256(data).hexdigest()
        if found != sha256 and not (path == LAST_CHECKPOINT and _is_hint(data, found, read_seals(archive))):
            yield (
                path,
                f"Expected SHA-256 {sha256[:16]}... ({size:,} bytes), got {found[:16]}... ({len(data):,} bytes): "
                "the catalogue is damaged.",
            )
    if missing:
        # in this order: a prune seals anew before it removes its marks
        prune_marks, now = PruneMarkReader(archive).read(), read_seals(archive).files
        for path, size in missing.items():
            if path in now and not prune_marks.covers(path):
                yield path, f"Expected {size:,} bytes of catalogue, got nothing there."


def _is_hint(data: bytes, sha256: str, sealed: Sealed) -> bool:
    """Whether `_last_checkpoint` is one that was sealed, or was overwritten by a run that has not sealed yet."""
    version = hinted_version(data)
    return sha256 in sealed.hints or (version is not None and version > sealed.version)
