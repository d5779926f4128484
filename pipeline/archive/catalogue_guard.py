"""No file of a catalogue reaches deltalake's readers before it is known to be what was written.

They are written in Rust: a flipped bit in a Parquet file can abort the process, or give other rows in silence; one in
the log's statistics can hide rows. So before they open a file:

    sealed    its SHA-256 must be the one in its seal
    own       this process committed it, and its size, ETag and time are still the same
    else      a process of its own reads it first (trial.py)

What was found stays known as long as the file looks the same from outside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Final

from pipeline.archive.delta_log import chain_start, files_added, files_in_checkpoint, hint_problem
from pipeline.archive.layout import (
    CATALOGUE_FOLDER,
    LAST_CHECKPOINT,
    LOG_FOLDER,
    checkpoint_path,
    entry_path,
    is_entry,
    log_file_version,
)
from pipeline.archive.proven_files import Identity, identity_of, is_proven, set_proven
from pipeline.archive.seals import NO_SEALS, Sealed, SealReader, read_steadily
from pipeline.archive.trial import read_on_trial
from pipeline.errors import DamagedError
from pipeline.store.backend import ObjectInfo
from pipeline.store.storage import Storage

_READERS: Final = 8
_FEW: Final = 4
"""So many files are asked after one by one; of more, the folder is listed."""
_LOOKS: Final = 5
_TRIED_AT_ONCE: Final = 128 << 20
"""Bytes of files that are held while they are read on trial: one at least."""
_PIECE: Final = 8 << 20
"""Bytes of a file that are held while it is looked at; the files of older releases have up to 100 MB."""


class CatalogueGuard:
    """Looks at the files of one archive's catalogue. Not for several threads at once."""

    def __init__(self, archive: Storage) -> None:
        """Contact nothing yet."""
        self._archive = archive
        self._seals = SealReader(archive)
        self._sealed = NO_SEALS
        """As they were when last read."""
        self._lock = Lock()
        self._seen: set[str] = set()
        """Parquet files that were looked at here: they are not asked after again."""
        self._unsealed_digests: dict[str, bytes] = {}
        """SHA-256 of Parquet files without a seal that were read here."""
        self._newest: tuple[str, Identity] | None = None
        """The newest entry of the log when it was last looked at."""

    def check_log(self, *, since: int = 0, upto: int | None = None) -> bool:
        """Look at what a version is read from.

        Args:
            since: only at what makes this version and later ones: the rest was read before.
            upto: the version; None for the newest.
        Returns:
            False where the log that was read before is there no more: nothing was looked at, for it may be another's.
        Raises:
            DamagedError: something of it is not what was written.
            StorageError: the store does not answer.
        """
        for _ in range(_LOOKS):
            with suppress(FileNotFoundError):  # a prune has cut the log since it was listed
                return self._check_chain(since, upto)
        return self._check_chain(since, upto)

    def entries(self, numbers: Iterable[int]) -> dict[int, bytes]:
        """The log entries that made some versions, in their order.

        Raises:
            As `check_log`.
        """
        paths = {number: entry_path(number) for number in numbers}
        self._read_seals_of(paths.values())
        with ThreadPoolExecutor(_READERS, thread_name_prefix="log") as pool:
            return dict(zip(paths, pool.map(self._checked, paths.values()), strict=True))

    def check_data(self, files: Mapping[str, int], version: int) -> None:
        """Look at Parquet files that a query may read.

        Args:
            files: their paths below the archive, and their sizes as the log says.
            version: one that refers to them.
        Raises:
            As `check_log`.
        """
        new = {path: size for path, size in files.items() if path not in self._seen}
        if not new:
            return
        infos = self._infos(new)
        for path, size in new.items():
            found = infos.get(path)
            if found is None or found.size != size:
                got = "nothing there" if found is None else f"{found.size:,}"
                raise self._damaged(path, expected=f"{size:,} bytes, as the log says", got=got)
        unproven = self._unproven(infos.values())
        log: Mapping[str, bytes] = {}
        for part in _in_parts(unproven):
            unsealed = self._unsealed(part)
            if unsealed:
                log = log or self._read_all(_chain(self._archive.list(LOG_FOLDER), version))
                read_on_trial(self._archive.url, log, unsealed)
                self._prove(part)
        self._seen.update(new)

    def has_seal(self, path: str) -> bool:
        """Whether a file is sealed, by the seals that were read last."""
        return path in self._sealed.files

    def read(self, path: str) -> bytes:
        """Read a Parquet file, and hold what was read against its seal; one that has none was checked before, and two
        reads agree on it.

        Raises:
            As `check_log`.
        """
        if not self.has_seal(path):
            return self._read_unsealed(path)
        try:
            data = self._checked(path)
        except FileNotFoundError:
            expected = f"{self._sealed.files[path][1]:,} bytes, as its seal says"
            raise self._damaged(path, expected=expected, got="nothing there") from None
        self._seen.add(path)
        return data

    def _read_unsealed(self, path: str) -> bytes:
        known = self._unsealed_digests.get(path)
        if known is not None:
            data = self._archive.read(path)
            if hashlib.sha256(data).digest() == known:
                return data
        data = read_steadily(self._archive, path)
        self._unsealed_digests[path] = hashlib.sha256(data).digest()
        return data

    def trust_commit(self, version: int, added: Collection[str] = ()) -> None:
        """Take the version that this process has just committed for what was written.

        Args:
            added: paths of the Parquet files that it adds.
        """
        self._prove(self._infos([entry_path(version), *added]).values())

    def trust_checkpoint(self, version: int) -> None:
        """Take the checkpoint that this process has just made for what was written."""
        self._prove(self._infos([checkpoint_path(version), LAST_CHECKPOINT]).values())

    def _check_chain(self, since: int, upto: int | None) -> bool:
        listed = list(self._archive.list(LOG_FOLDER))
        entries = {info.path: identity_of(info) for info in listed if is_entry(info.path)}
        if since and (self._newest is None or self._newest not in entries.items()):
            return False
        if upto is None:
            self._check_hint({info.path: info for info in listed})
        chain = _chain(listed, upto)
        unproven = self._unproven(info for info in chain if (log_file_version(info.path) or 0) >= since)
        unsealed = self._unsealed(unproven)
        if unsealed:
            log = {**self._read_all(info for info in chain if info.path not in unsealed), **unsealed}
            # what may have changed the columns must fit all files, and else those that it adds
            says_columns = any(
                path.endswith(".parquet") or b"metaData" in found for path, found in unsealed.items()
            )
            data = self._infos(self._named_in(log if says_columns else unsealed))
            for part in _in_parts(data.values()):
                read_on_trial(self._archive.url, log, self._read_all(part))
            self._prove([*unproven, *data.values()])
        self._newest = max(entries.items(), default=None)
        return True

    def _check_hint(self, listed: Mapping[str, ObjectInfo]) -> None:
        """Look at `_last_checkpoint`, which makes readers overlook the log before the version that it names."""
        if LAST_CHECKPOINT not in listed or is_proven(self._archive.url, listed[LAST_CHECKPOINT]):
            return
        for is_last in (False, True):  # a run may overwrite it just now; or it was damaged only on the way
            hint = self._archive.read(LAST_CHECKPOINT)
            if hashlib.sha256(hint).hexdigest() in self._read_seals().hints:
                break
            problem = hint_problem(hint, {path: info.size for path, info in listed.items()})
            if problem is None:
                break
            if is_last:
                raise self._damaged(LAST_CHECKPOINT, expected="the name of the last checkpoint", got=problem)
        self._prove([listed[LAST_CHECKPOINT]])

    def _unproven(self, infos: Iterable[ObjectInfo]) -> list[ObjectInfo]:
        return [info for info in infos if not is_proven(self._archive.url, info)]

    def _prove(self, infos: Iterable[ObjectInfo]) -> None:
        for info in infos:
            set_proven(self._archive.url, info)

    def _unsealed(self, infos: list[ObjectInfo]) -> dict[str, bytes]:
        """Hold files against their seals; the bytes of those that have none.

        Raises:
            DamagedError: one is not what was sealed.
        """
        if not infos:
            return {}
        self._read_seals_of(info.path for info in infos)
        with ThreadPoolExecutor(_READERS, thread_name_prefix="catalogue") as pool:
            found = list(pool.map(self._content_if_unsealed, infos))
        unsealed = {info.path: data for info, data in zip(infos, found, strict=True) if data is not None}
        self._prove(info for info in infos if info.path not in unsealed)
        return unsealed

    def _read_seals(self) -> Sealed:
        self._sealed = self._seals.read()
        return self._sealed

    def _read_seals_of(self, paths: Iterable[str]) -> None:
        """Read the seals anew where those that are known do not say something of each file."""
        if not self._sealed.files.keys() >= set(paths):
            self._read_seals()

    def _content_if_unsealed(self, info: ObjectInfo) -> bytes | None:
        seal = self._sealed.files.get(info.path)
        if seal is not None and info.size > _PIECE and self._hash(info) == seal[0]:
            return None
        data = self._checked(info.path)
        return data if seal is None else None

    def _hash(self, info: ObjectInfo) -> str:
        """The SHA-256 of a large file, of which a piece is held at a time."""
        digest = hashlib.sha256()
        for start in range(0, info.size, _PIECE):
            digest.update(self._archive.read_range(info.path, start, min(_PIECE, info.size - start)))
        return digest.hexdigest()

    def _checked(self, path: str) -> bytes:
        """The bytes of a file: those that were sealed, or else those on which two reads agree."""
        seals_are_new = False
        while True:
            seal = self._sealed.files.get(path)
            if seal is None:
                return read_steadily(self._archive, path)
            data = self._archive.read(path)
            found = hashlib.sha256(data).hexdigest()
            if found == seal[0]:
                return data
            if seals_are_new:
                expected = f"{seal[1]:,} bytes with SHA-256 {seal[0][:16]}..., as its seal says"
                raise self._damaged(path, expected=expected, got=f"{len(data):,} with {found[:16]}...")
            # perhaps it was damaged only on the way; or a prune has made it, and its seal, anew
            with self._lock:
                self._read_seals()
            seals_are_new = True

    def _named_in(self, log: Mapping[str, bytes]) -> list[str]:
        """The Parquet files of the catalogue that files of the log add."""
        named: dict[str, int] = {}
        for path, data in log.items():
            read = files_in_checkpoint if path.endswith(".parquet") else files_added
            try:
                named |= read(data, path) if path.endswith((".json", ".parquet")) else {}
            except DamagedError as error:
                raise DamagedError(
                    f"Expected a sound catalogue at {self._archive.url}, got damage: {error}"
                ) from error
        return list(named)

    def _infos(self, paths: Iterable[str]) -> dict[str, ObjectInfo]:
        """Those of some Parquet files that exist, as they look from outside."""
        wanted = set(paths)
        if len(wanted) > _FEW:
            listed = self._archive.list(CATALOGUE_FOLDER)
            return {info.path: info for info in listed if info.path in wanted}
        infos = {}
        for path in sorted(wanted):
            try:
                infos[path] = self._archive.info(path)
            except FileNotFoundError:
                continue
        return infos

    def _read_all(self, infos: Iterable[ObjectInfo]) -> dict[str, bytes]:
        paths = [info.path for info in infos]
        with ThreadPoolExecutor(_READERS, thread_name_prefix="catalogue") as pool:
            return dict(zip(paths, pool.map(partial(read_steadily, self._archive), paths), strict=True))

    def _damaged(self, path: str, *, expected: str, got: str) -> DamagedError:
        url = self._archive.url
        return DamagedError(
            f"Expected a sound catalogue at {url}, got damage in {path}: expected {expected}, got {got}. "
            f"Run `tenfold repair {url}`."
        )


def _in_parts(infos: Iterable[ObjectInfo]) -> Iterator[list[ObjectInfo]]:
    """Files that are looked at together; of none there is one part too."""
    part: list[ObjectInfo] = []
    size = 0
    for info in infos:
        if part and size + info.size > _TRIED_AT_ONCE:
            yield part
            part, size = [], 0
        part.append(info)
        size += info.size
    yield part


def _chain(log: Iterable[ObjectInfo], upto: int | None) -> list[ObjectInfo]:
    """The files of a log that a version's readers look at, also those that only other tools write."""
    files = {
        info: version
        for info in log
        if (version := log_file_version(info.path)) is not None and (upto is None or version <= upto)
    }
    start = chain_start([info.path for info in files], max(files.values(), default=0))
    return [info for info, version in files.items() if version >= start]
