"""Where everything lies in an archive: folder names, and what the names of objects say.

What never changes carries the hash of its content in its name: shards, seals, marks, comparisons.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from codec.weights_file import SUFFIX, weights_name
from pipeline.errors import ArchiveError

CATALOGUE_FOLDER: Final = "catalogue"
"""Below the archive."""
LOG_FOLDER: Final = f"{CATALOGUE_FOLDER}/_delta_log"
HINT: Final = f"{LOG_FOLDER}/_last_checkpoint"
"""Where readers begin to look for a checkpoint. The only file of the catalogue that is ever overwritten."""
_NUMBERED: Final = re.compile(rf"{LOG_FOLDER}/(\d{{20}})\.(?:json|checkpoint\..*parquet|checkpoint\.parquet)")


def entry_path(version: int) -> str:
    """The log entry that made a version."""
    return f"{LOG_FOLDER}/{version:020d}.json"


def checkpoint_path(version: int) -> str:
    """What sums up all log entries up to a version."""
    return f"{LOG_FOLDER}/{version:020d}.checkpoint.parquet"


def log_number(path: str) -> int | None:
    """The version that a log entry or checkpoint belongs to; None for any other name."""
    match = _NUMBERED.fullmatch(path)
    return None if match is None else int(match[1])


def is_derived(path: str) -> bool:
    """Whether a file of the catalogue only repeats what log entries say: a checkpoint, or the hint at the last one."""
    number = log_number(path)
    return path == HINT or (number is not None and path != entry_path(number))


def sha16(data: bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]


LOCKS_FOLDER: Final = "locks"
LOST_FOLDER: Final = "lost"
MARKS_FOLDER: Final = "prune"
COMPARISONS_FOLDER: Final = "comparisons"
SEALS_FOLDER: Final = "seals"
SHARDS_FOLDER = "shards"
_SHARD_PATH = re.compile(
    SHARDS_FOLDER + r"/(?P<run>[^/]+)/(?P<number>\d{6,})-(?P<sha16>[0-9a-f]{16})\.parquet"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPath:
    """What the path of a shard says."""

    run: str
    number: int
    """Of the planned unit; a unit may have several shards."""
    sha16: str
    """The first 16 hexadecimal digits of the shard's SHA-256."""


def shard_path(run: str, number: int, sha256: str) -> str:
    """Where a shard lies below the archive."""
    return f"{SHARDS_FOLDER}/{run}/{number:06d}-{sha256[:16]}.parquet"


def parse_shard_path(path: str) -> ShardPath:
    """Undo `shard_path`.

    Raises:
        ArchiveError: no shard has such a path.
    """
    match = _SHARD_PATH.fullmatch(path)
    if match is None:
        raise ArchiveError(
            f"Expected a shard path like shards/RUN/000000-0123456789abcdef.parquet, got {path!r}; "
            "something else was put among the shards: move it away."
        )
    return ShardPath(run=match["run"], number=int(match["number"]), sha16=match["sha16"])


def is_shard_path(path: str) -> bool:
    """Whether `parse_shard_path` takes it."""
    return _SHARD_PATH.fullmatch(path) is not None


WEIGHTS_FOLDER = "codec"


def weights_path(digest: bytes) -> str:
    """Where a weights file lies below the archive."""
    return f"{WEIGHTS_FOLDER}/{weights_name(digest)}"


def digest_in(path: str) -> bytes | None:
    """Undo `weights_path`; None for what is no weights file's."""
    name = path.rpartition("/")[2]
    try:
        digest = bytes.fromhex(name.removesuffix(SUFFIX))
    except ValueError:
        return None
    return digest if weights_name(digest) == name else None
