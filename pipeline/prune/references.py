"""What the kept versions of an archive refer to: read from the catalogue's own files, every one of them checked.

A version refers to the shards that its rows name. Its rows lie in Parquet files, which log entries add. So what the
versions from one on can ever show lies in that version's files and in those that later entries add, however many
versions there are: each file is read once. What is missing, or is not what its seal says, ends this with an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.delta_log import chain_start, files_added
from pipeline.archive.layout import LOG_FOLDER, checkpoint_path, entry_path, log_number, shard_of_companion
from pipeline.archive.seals import Sealed
from pipeline.errors import DamagedError
from pipeline.events import Listener, StepAdvanced
from pipeline.store.storage import Storage

_ENTRY_READERS: Final = 16
_READERS: Final = 4
"""Files of the catalogue in memory at once: they have up to 100 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Everything that a range of versions refers to."""

    oldest: int
    newest: int
    files: Mapping[str, int]
    """Parquet files of the catalogue, and their sizes."""
    shards: frozenset[str]
    last_checkpoint: int
    """The version that the last one sums up; 0 when there is none."""

    def needs(self, path: str) -> bool:
        """Whether one of the versions could not be read without that object, or not be shown.

        A checkpoint between the oldest version and the last checkpoint only repeats what the log says.
        """
        number = log_number(path)
        if number is None:
            return path in self.shards or path in self.files or shard_of_companion(path) in self.shards
        is_superseded = path == checkpoint_path(number) and self.oldest < number < self.last_checkpoint
        return number >= self.oldest and not is_superseded


class ReferenceReader:
    """Reads what versions refer to. Each file of the catalogue is read once, and held against its seal."""

    def __init__(self, archive: Storage, sealed: Sealed, listen: Listener) -> None:
        """Contact nothing yet.

        Args:
            sealed: checksums of the catalogue's files; one that is not sealed yet must be readable.
        """
        self._archive = archive
        self._sealed = sealed
        self._listen = listen

    def read(self, oldest: int, newest: int, *, chain_of: int) -> References:
        """What the versions from `oldest` to `newest` refer to.

        Args:
            chain_of: a version not newer than `oldest`: what it is read from must be there and whole, too.
        Raises:
            DamagedError: something of a kept version is not what was written.
            ArchiveError: another tool wrote a version in a way that Tenfold does not know.
            StorageError: the store does not answer.
        """
        held = {info.path for info in self._archive.list(LOG_FOLDER)}
        self._check_log(held, chain_of, oldest, newest)
        files = Catalogue(self._archive, as_of=oldest).files()
        found = References(
            oldest=oldest,
            newest=oldest,
            files=files,
            shards=self._shards_of(files),
            last_checkpoint=chain_start(held, newest),
        )
        return self.extended(found, newest)

    def extended(self, earlier: References, newest: int) -> References:
        """The same, and what newer versions up to `newest` refer to.

        Raises:
            As `read`.
        """
        added: dict[str, int] = {}
        paths = [entry_path(version) for version in range(earlier.newest + 1, newest + 1)]
        with ThreadPoolExecutor(_ENTRY_READERS, thread_name_prefix="log") as pool:
            for number, (path, entry) in enumerate(zip(paths, pool.map(self._whole, paths), strict=True), 1):
                added |= files_added(entry, path)
                self._listen(StepAdvanced(words="log entries read", done=number, total=len(paths)))
        new = {path: size for path, size in added.items() if path not in earlier.files}
        return replace(
            earlier,
            newest=max(earlier.newest, newest),
            files={**earlier.files, **new},
            shards=earlier.shards | self._shards_of(new),
        )

    def _check_log(self, held: Set[str], chain_of: int, oldest: int, newest: int) -> None:
        start = chain_start(held, chain_of)
        for version in range(start, newest + 1):
            if entry_path(version) not in held and not (
                version == start and checkpoint_path(version) in held
            ):
                raise _damaged(entry_path(version), "nothing there")
        for path in self._sealed.files:
            number = log_number(path)
            if number is None or number < start:
                continue
            # beyond the newest version: when the last entries are lost, the one before them passes for the newest
            is_entry = path == entry_path(number)
            is_read_later = is_entry and oldest < number <= newest
            # a checkpoint that is gone repeats entries, each of which is there
            if not is_read_later and (path in held or (is_entry and number >= oldest)):
                self._whole(path)

    def _shards_of(self, files: Mapping[str, int]) -> frozenset[str]:
        """The shards that the rows in some files of the catalogue name."""
        shards: set[str] = set()
        with ThreadPoolExecutor(_READERS, thread_name_prefix="catalogue") as pool:
            for number, named in enumerate(pool.map(self._shards_in, files, files.values()), 1):
                shards |= named
                self._listen(StepAdvanced(words="catalogue files read", done=number, total=len(files)))
        return frozenset(shards)

    def _shards_in(self, path: str, size: int) -> frozenset[str]:
        data = self._whole(path)
        if len(data) != size:
            raise _damaged(path, f"{len(data):,} bytes where the log says {size:,}")
        try:
            with pq.ParquetFile(pa.BufferReader(data)) as file:
                column = file.read(columns=["shard"])["shard"].cast(pa.string())
        except (pa.ArrowException, OSError, KeyError) as error:
            raise _damaged(path, f"no catalogue rows: {error}") from error
        return frozenset(pc.unique(column).to_pylist())

    def _whole(self, path: str) -> bytes:
        """An object's bytes, which are those that were sealed if any were."""
        try:
            data = self._archive.read(path)
        except FileNotFoundError:
            raise _damaged(path, "nothing there") from None
        sha256, size = self._sealed.files.get(path, (None, 0))
        found = hashlib.sha256(data).hexdigest()
        if sha256 is not None and found != sha256:
            raise _damaged(
                path, f"{len(data):,} bytes with SHA-256 {found[:16]}..., not {size:,} with {sha256[:16]}..."
            )
        return data


def _damaged(path: str, got: str) -> DamagedError:
    return DamagedError(
        f"Expected the catalogue of every kept version to be whole, got {got} at {path}. Nothing was removed: "
        "run `tenfold verify`, restore the file from a copy, then prune."
    )
