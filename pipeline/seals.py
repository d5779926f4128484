"""Checksums of the catalogue's own files, so that `verify` finds a flipped byte there too.

    seals/<version>-<sha16>.json      {"version": 12, "files": {"catalogue/...": ["<sha256>", bytes], ...}}

Delta Lake keeps no checksum of its files. A run seals at its end what it and killed runs before it have added: log
entries, the Parquet files they name, checkpoints. None ever changes but `_last_checkpoint`, a hint that Delta
overwrites.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from pipeline.catalogue import CATALOGUE_FOLDER
from pipeline.storage import Storage

SEALS_FOLDER: Final = "seals"
_LOG: Final = f"{CATALOGUE_FOLDER}/_delta_log"
HINT: Final = f"{_LOG}/_last_checkpoint"
_NAME: Final = re.compile(rf"{SEALS_FOLDER}/(\d{{20}})-([0-9a-f]{{16}})\.json")
_NUMBERED: Final = re.compile(rf"{_LOG}/(\d{{20}})\.(?:json|checkpoint\..*parquet|checkpoint\.parquet)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What the seals of an archive say."""

    version: int
    """The newest version that is sealed; -1 for none."""
    files: dict[str, tuple[str, int]]
    """Path -> (sha256, bytes)."""
    broken: tuple[str, ...]
    """Seals that are not what their names say."""


def read_seals(archive: Storage) -> Sealed:
    """All seals, later ones laid over earlier ones."""
    version = -1
    files: dict[str, tuple[str, int]] = {}
    broken: list[str] = []
    for info in archive.list(SEALS_FOLDER):
        match = _NAME.fullmatch(info.path)
        data = archive.read(info.path)
        if match is None or hashlib.sha256(data).hexdigest()[:16] != match[2]:
            broken.append(info.path)
            continue
        seal = json.loads(data)
        version = max(version, int(match[1]))
        files |= {path: (str(sha256), int(size)) for path, (sha256, size) in seal["files"].items()}
    return Sealed(version=version, files=files, broken=tuple(broken))


def seal(archive: Storage, version: int) -> None:
    """Record the checksums of everything the catalogue consists of up to a version and that has none yet."""
    known = read_seals(archive).files
    found = {path: _checksum(data) for path, data in _unsealed(archive, version, known)}
    files = {path: checksum for path, checksum in found.items() if checksum != known.get(path)}
    if not files:
        return
    _write(archive, version, files)


def reseal(archive: Storage, sealed: Sealed, *, without: Collection[str]) -> str | None:
    """One seal in the place of all that are whole, less some files; the older ones can then go. Returns its path."""
    files = {path: checksum for path, checksum in sealed.files.items() if path not in without}
    return _write(archive, sealed.version, files) if files else None


def log_version(path: str) -> int | None:
    """Of a log entry or checkpoint; None for other files."""
    match = _NUMBERED.fullmatch(path)
    return None if match is None else int(match[1])


def is_derived(path: str) -> bool:
    """Whether a file of the catalogue only repeats what log entries say: a checkpoint, or the hint at the last one."""
    return path == HINT or (log_version(path) is not None and not path.endswith(".json"))


def _unsealed(
    archive: Storage, version: int, known: dict[str, tuple[str, int]]
) -> Iterator[tuple[str, bytes]]:
    """The hint, and what of the log up to a version is not known, with the files that its entries name."""
    for info in archive.list(_LOG):
        match = _NUMBERED.fullmatch(info.path)
        is_new = match is not None and int(match[1]) <= version and info.path not in known
        if not is_new and info.path != HINT:
            continue
        data = archive.read(info.path)
        yield info.path, data
        if is_new and info.path.endswith(".json"):
            for path in _named(data):
                if path not in known:
                    with contextlib.suppress(FileNotFoundError):  # of a version that cannot be read any more
                        yield path, archive.read(path)


def _write(archive: Storage, version: int, files: dict[str, tuple[str, int]]) -> str:
    data = json.dumps({"version": version, "files": files}, sort_keys=True).encode()
    path = f"{SEALS_FOLDER}/{version:020d}-{hashlib.sha256(data).hexdigest()[:16]}.json"
    archive.create(path, data)
    return path


def _named(entry: bytes) -> Iterator[str]:
    """The Parquet files that a log entry adds."""
    for line in entry.splitlines():
        action = json.loads(line)
        if "add" in action:
            yield f"{CATALOGUE_FOLDER}/{unquote(action['add']['path'])}"


def _checksum(data: bytes) -> tuple[str, int]:
    return hashlib.sha256(data).hexdigest(), len(data)


def damaged(archive: Storage, sealed: Sealed) -> Iterator[tuple[str, str]]:
    """(path, what is wrong) of sealed files that are not what they were."""
    for path in sealed.broken:
        yield path, "Expected the checksums that its name promises, got others: the seal is damaged."
    for path, (sha256, size) in sorted(sealed.files.items()):
        try:
            data = archive.read(path)
        except FileNotFoundError:
            yield path, f"Expected {size:,} bytes of catalogue, got nothing there."
            continue
        found = hashlib.sha256(data).hexdigest()
        if found != sha256 and not (path == HINT and _hints_beyond(data, sealed.version)):
            yield (
                path,
                f"Expected SHA-256 {sha256[:16]}... ({size:,} bytes), got {found[:16]}... ({len(data):,} bytes): "
                "the catalogue is damaged.",
            )


def _hints_beyond(data: bytes, version: int) -> bool:
    """Whether `_last_checkpoint` was overwritten by a run that has not sealed yet."""
    try:
        return int(json.loads(data)["version"]) > version
    except (ValueError, KeyError, TypeError):
        return False
