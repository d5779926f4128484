"""What lies in an archive, from its listing alone: bytes by folder, runs, versions, and what nothing refers to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Self

from pipeline.archive.delta_log import oldest_readable
from pipeline.archive.layout import (
    LOG_FOLDER,
    RUN_JSON,
    SUMMARY_JSON,
    WEIGHTS_FOLDER,
    decoder_at,
    is_data_file,
    is_shard_path,
    parse_record_path,
)
from pipeline.store.backend import ObjectInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """A number of objects, and what they take."""

    count: int = 0
    bytes: int = 0

    def __add__(self, other: Objects) -> Objects:
        return Objects(count=self.count + other.count, bytes=self.bytes + other.bytes)

    @classmethod
    def of(cls, sizes: Collection[int]) -> Self:
        """Objects of these sizes."""
        return cls(count=len(sizes), bytes=sum(sizes))


@dataclass(slots=True, kw_only=True)
class Holdings:
    """What one listing of an archive shows."""

    folders: dict[str, Objects] = field(default_factory=dict)
    shards: dict[str, int] = field(default_factory=dict)
    """Path -> bytes, as for the other files below."""
    data_files: dict[str, int] = field(default_factory=dict)
    """Those of all versions of the catalogue."""
    weights_files: dict[str, int] = field(default_factory=dict)
    decoders: set[str] = field(default_factory=set)
    """Names of those that are kept beside the faithful one."""
    began: set[str] = field(default_factory=set)
    """Runs that have begun."""
    ended: set[str] = field(default_factory=set)
    """Runs that have come to their end."""
    log: list[str] = field(default_factory=list)
    """Paths of what lies in the catalogue's log."""

    @classmethod
    def of(cls, listing: Iterable[ObjectInfo]) -> Self:
        """What the listing of a whole archive shows."""
        held = cls()
        counts: Counter[str] = Counter()
        sizes: Counter[str] = Counter()
        for info in listing:
            folder = info.path.split("/", 1)[0] if "/" in info.path else ""
            counts[folder] += 1
            sizes[folder] += info.size
            held._see(info)
        held.folders = {name: Objects(count=counts[name], bytes=sizes[name]) for name in sorted(counts)}
        return held

    def _see(self, info: ObjectInfo) -> None:
        if is_shard_path(info.path):
            self.shards[info.path] = info.size
        elif is_data_file(info.path):
            self.data_files[info.path] = info.size
        elif info.path.startswith(f"{LOG_FOLDER}/"):
            self.log.append(info.path)
        elif info.path.startswith(f"{WEIGHTS_FOLDER}/") and info.path.count("/") == 1:
            self.weights_files[info.path] = info.size
        elif (decoder := decoder_at(info.path)) is not None:
            self.decoders.add(decoder.name)
        elif (record := parse_record_path(info.path)) is not None:
            if record.name == RUN_JSON:
                self.began.add(record.run)
            elif record.name == SUMMARY_JSON:
                self.ended.add(record.run)

    @property
    def oldest_version(self) -> int:
        """The oldest version that can be read."""
        return oldest_readable(self.log)

    def idle(self, shards: Collection[str], files: Collection[str]) -> Objects:
        """What the newest version does not need.

        Args:
            shards, files: what it needs.
        """
        return Objects.of([size for path, size in self.shards.items() if path not in shards]) + Objects.of(
            [size for path, size in self.data_files.items() if path not in files]
        )
