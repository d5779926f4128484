"""Where everything lies in an archive: folder names, and what the names of objects say.

The order is that of the tree in docs/formats/archive.md. Names in which `<sha16>` occurs carry the hash of their
object's content: such an object never changes.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from codec.weights_file import SUFFIX, weights_name
from pipeline.errors import ArchiveError


def sha16(data: bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]


# catalogue/                              a Delta Lake table

CATALOGUE_FOLDER: Final = "catalogue"
LOG_FOLDER: Final = f"{CATALOGUE_FOLDER}/_delta_log"
LAST_CHECKPOINT: Final = f"{LOG_FOLDER}/_last_checkpoint"
"""Where readers begin to look for a checkpoint. The only file of the catalogue that is ever overwritten."""
_LOG_FILE: Final = re.compile(rf"{LOG_FOLDER}/(\d{{20}})\.(?:json|checkpoint\..*parquet|checkpoint\.parquet)")
_OF_A_VERSION: Final = re.compile(rf"{LOG_FOLDER}/(\d{{20}})\.[^/]+")
_DATA_FILE: Final = re.compile(rf"{CATALOGUE_FOLDER}/part-[^/]+\.parquet")


def entry_path(version: int) -> str:
    """The log entry that made a version."""
    return f"{LOG_FOLDER}/{version:020d}.json"


def checkpoint_path(version: int) -> str:
    """What sums up all log entries up to a version."""
    return f"{LOG_FOLDER}/{version:020d}.checkpoint.parquet"


def log_number(path: str) -> int | None:
    """The version that a log entry or checkpoint belongs to; None for any other name."""
    match = _LOG_FILE.fullmatch(path)
    return None if match is None else int(match[1])


def log_file_version(path: str) -> int | None:
    """The version that any file of the log belongs to, also one that only other tools write; None where none."""
    match = _OF_A_VERSION.fullmatch(path)
    return None if match is None else int(match[1])


def is_entry(path: str) -> bool:
    """Whether a file of the catalogue is what made a version."""
    number = log_number(path)
    return number is not None and path == entry_path(number)


def is_derived(path: str) -> bool:
    """Whether a file of the catalogue only repeats what log entries say: a checkpoint, or the hint at the last one."""
    number = log_number(path)
    return path == LAST_CHECKPOINT or (number is not None and path != entry_path(number))


def is_data_file(path: str) -> bool:
    """Whether a name is that of a Parquet file of the catalogue."""
    return _DATA_FILE.fullmatch(path) is not None


# shards/<run>/<n>-<sha16>.parquet        payloads and all metadata

SHARDS_FOLDER: Final = "shards"
_SHARD: Final = re.compile(
    rf"{SHARDS_FOLDER}/(?P<run>[^/]+)/(?P<number>\d{{6,}})-(?P<sha16>[0-9a-f]{{16}})\.parquet"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPath:
    """What the path of a shard says."""

    run: str
    number: int
    """Of the planned unit; a unit may have several shards."""
    sha16: str
    """The first 16 hexadecimal digits of the shard's SHA-256."""


def shards_of_run(run: str) -> str:
    """The folder of the shards that a run published."""
    return f"{SHARDS_FOLDER}/{run}"


def shard_path(run: str, number: int, sha256: str) -> str:
    """Where a shard lies below the archive."""
    return f"{shards_of_run(run)}/{number:06d}-{sha256[:16]}.parquet"


def parse_shard_path(path: str) -> ShardPath:
    """Undo `shard_path`.

    Raises:
        ArchiveError: no shard has such a path.
    """
    match = _SHARD.fullmatch(path)
    if match is None:
        raise ArchiveError(
            f"Expected a shard path like shards/RUN/000000-0123456789abcdef.parquet, got {path!r}; "
            "something else was put among the shards: move it away."
        )
    return ShardPath(run=match["run"], number=int(match["number"]), sha16=match["sha16"])


def is_shard_path(path: str) -> bool:
    """Whether `parse_shard_path` takes it."""
    return _SHARD.fullmatch(path) is not None


# previews/<run>/<n>-<sha16>.parquet      small pictures of a shard's images, made after it
# labels/<run>/<n>-<sha16>.parquet        what a head sees in a shard's images

PREVIEWS_FOLDER: Final = "previews"
LABELS_FOLDER: Final = "labels"
COMPANION_FOLDERS: Final = (PREVIEWS_FOLDER, LABELS_FOLDER)
"""Folders of what is made after a shard: its objects have the shard's name, and go when it goes."""


def album_path(shard: str) -> str:
    """Where the album of a shard lies: it has the name of the shard, in a folder of its own."""
    return _companion_path(PREVIEWS_FOLDER, shard)


def labels_path(shard: str) -> str:
    """Where the labels of a shard's images lie."""
    return _companion_path(LABELS_FOLDER, shard)


def shard_of_companion(path: str) -> str | None:
    """The shard that an album or a file of labels lies beside; None for any other name."""
    folder, _, name = path.partition("/")
    shard = f"{SHARDS_FOLDER}/{name}"
    return shard if folder in COMPANION_FOLDERS and is_shard_path(shard) else None


def _companion_path(folder: str, shard: str) -> str:
    return f"{folder}/{shard.removeprefix(f'{SHARDS_FOLDER}/')}"


# codec/<digest>.safetensors              the weights files that coded payloads were made with

WEIGHTS_FOLDER: Final = "codec"


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


# codec/<digest>.difference               weights as what they add to others

_DIFFERENCE: Final = re.compile(rf"{WEIGHTS_FOLDER}/([0-9a-f]{{16}})\.difference")


def difference_path(digest: bytes) -> str:
    """Where lies what makes a weights file of another one."""
    return f"{WEIGHTS_FOLDER}/{digest.hex()}.difference"


def digest_of_difference(path: str) -> bytes | None:
    """Undo `difference_path`; None for any other name."""
    match = _DIFFERENCE.fullmatch(path)
    return None if match is None else bytes.fromhex(match[1])


# codec/decoders/<decoder>/<for>/<digest>.safetensors      what shows payloads made with the weights <for>

DECODERS_FOLDER: Final = f"{WEIGHTS_FOLDER}/decoders"
_DECODER: Final = re.compile(
    rf"{DECODERS_FOLDER}/(?P<name>[^/]+)/(?P<shows>[0-9a-f]{{16}})/(?P<digest>[0-9a-f]{{16}}){re.escape(SUFFIX)}"
)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class DecoderPlace:
    """What the path of a decoder's weights file says."""

    name: str
    """As `--decoder` takes it."""
    shows: bytes
    """Digest of the weights whose payloads it shows."""
    digest: bytes
    """Of the file."""

    @property
    def path(self) -> str:
        """Where it lies below the archive."""
        return f"{DECODERS_FOLDER}/{self.name}/{self.shows.hex()}/{weights_name(self.digest)}"


def decoder_at(path: str) -> DecoderPlace | None:
    """Undo `DecoderPlace.path`; None for any other name."""
    match = _DECODER.fullmatch(path)
    if match is None:
        return None
    shows, digest = (bytes.fromhex(match[part]) for part in ("shows", "digest"))
    return DecoderPlace(name=match["name"], shows=shows, digest=digest)


# codec/adaptations/<utc time>-<sha16>.json       what came of learning from the archive's images

ADAPTATIONS_FOLDER: Final = f"{WEIGHTS_FOLDER}/adaptations"
_ADAPTATION: Final = re.compile(rf"{ADAPTATIONS_FOLDER}/\d{{8}}T\d{{12}}-(?P<sha16>[0-9a-f]{{16}})\.json")


def adaptation_path(ended_at: datetime, data: bytes) -> str:
    """Where the record of an adaptation lies, given when it ended and its bytes; later ones sort behind it."""
    return f"{ADAPTATIONS_FOLDER}/{ended_at:%Y%m%dT%H%M%S%f}-{sha16(data)}.json"


def is_adaptation_path(path: str) -> bool:
    """Whether a name is that of the record of an adaptation."""
    return _ADAPTATION.fullmatch(path) is not None


def is_whole_adaptation(path: str, data: bytes) -> bool:
    """Whether the bytes of an adaptation's record are those that its name promises."""
    match = _ADAPTATION.fullmatch(path)
    return match is not None and match["sha16"] == sha16(data)


# adapt/<adaptation>/                     what an adaptation under way has so far

ATTEMPTS_FOLDER: Final = "adapt"


def attempt_folder(adaptation: str) -> str:
    """The folder of an adaptation that has not come to its end."""
    return f"{ATTEMPTS_FOLDER}/{adaptation}"


def attempt_of(path: str) -> str | None:
    """Which adaptation an object of such a folder belongs to; None for any other name."""
    folder, _, rest = path.partition("/")
    adaptation, _, name = rest.partition("/")
    return adaptation if folder == ATTEMPTS_FOLDER and name else None


# seals/<version>-<sha16>.json            checksums of the catalogue's files

SEALS_FOLDER: Final = "seals"
_SEAL: Final = re.compile(rf"{SEALS_FOLDER}/(\d{{20}})-([0-9a-f]{{16}})\.json")


def seal_path(version: int, data: bytes) -> str:
    """Where a seal lies that goes up to a version of the catalogue, given its bytes."""
    return f"{SEALS_FOLDER}/{version:020d}-{sha16(data)}.json"


def sealed_version(path: str, data: bytes) -> int | None:
    """The version up to which a seal goes; None when its bytes are not those that its name promises."""
    match = _SEAL.fullmatch(path)
    return int(match[1]) if match is not None and match[2] == sha16(data) else None


# prune/<utc time>-<sha16>.json           what is about to be removed

MARKS_FOLDER: Final = "prune"
_MARK: Final = re.compile(rf"{MARKS_FOLDER}/\d{{8}}T\d{{6}}Z-([0-9a-f]{{16}})\.json")


def mark_path(marked_at: datetime, data: bytes) -> str:
    """Where a prune's mark lies, given its bytes."""
    return f"{MARKS_FOLDER}/{marked_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{sha16(data)}.json"


def is_mark_path(path: str) -> bool:
    """Whether a name is that of a prune's mark."""
    return _MARK.fullmatch(path) is not None


def is_whole_mark(path: str, data: bytes) -> bool:
    """Whether the bytes of a prune's mark are those that its name promises."""
    match = _MARK.fullmatch(path)
    return match is not None and match[1] == sha16(data)


# locks/<epoch>.json                      who is changing the archive now

LOCKS_FOLDER: Final = "locks"
_LOCK: Final = re.compile(rf"{LOCKS_FOLDER}/(\d{{12}})\.json")


def lock_path(epoch: int) -> str:
    """Where the lease of an epoch lies."""
    return f"{LOCKS_FOLDER}/{epoch:012d}.json"


def lock_epoch(path: str) -> int | None:
    """Undo `lock_path`; None for any other name."""
    match = _LOCK.fullmatch(path)
    return None if match is None else int(match[1])


# runs/<run>/                             what a run was told, planned and reached

RUNS_FOLDER: Final = "runs"
RUN_JSON: Final = "run.json"
"""What the run was told; written before any work."""
PROGRESS_JSON: Final = "progress.json"
SUMMARY_JSON: Final = "summary.json"
"""What came of the run; written after its last commit."""
NIGHTLY_JSON: Final = "nightly.json"
REPAIR_JSON: Final = "repair.json"
_RECORD: Final = re.compile(rf"{RUNS_FOLDER}/(?P<run>[^/]+)/(?P<name>[^/]+)")
_UNIT: Final = re.compile(rf"{RUNS_FOLDER}/[^/]+/plan/(\d{{6,}})\.jsonl\.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPath:
    """What the path of a run's record says."""

    run: str
    name: str
    """Such as `RUN_JSON`."""


def new_run_id() -> str:
    """A name for a run, or whatever else leaves records, that begins now; later ones sort behind it."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def record_path(run: str, name: str) -> str:
    """Where a record of a run lies."""
    return f"{RUNS_FOLDER}/{run}/{name}"


def parse_record_path(path: str) -> RecordPath | None:
    """Undo `record_path`; None for any other name, such as those of plans."""
    match = _RECORD.fullmatch(path)
    return None if match is None else RecordPath(run=match["run"], name=match["name"])


def plan_folder(run: str) -> str:
    """The folder of a run's plan."""
    return f"{RUNS_FOLDER}/{run}/plan"


def unit_path(run: str, number: int) -> str:
    """Where the images of a planned unit lie."""
    return f"{plan_folder(run)}/{number:06d}.jsonl.gz"


def unit_number(path: str) -> int | None:
    """Undo `unit_path`; None for any other name."""
    match = _UNIT.fullmatch(path)
    return None if match is None else int(match[1])


def listed_path(run: str) -> str:
    """Where it is recorded that the listing of a run's source came to its end."""
    return f"{plan_folder(run)}/listed.json"


# lost/<time>/                            what `tenfold repair` took out of its place

LOST_FOLDER: Final = "lost"
_MARKER: Final = re.compile(rf"({LOST_FOLDER}/[^/]+)/repairing\.json")


def set_aside_folder(moment: datetime) -> str:
    """The folder for what a repair that began at a moment takes out of its place."""
    return f"{LOST_FOLDER}/{moment.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def marker_path(folder: str) -> str:
    """The file in such a folder that says that a lost catalogue is being replaced."""
    return f"{folder}/repairing.json"


def marked_folder(path: str) -> str | None:
    """Undo `marker_path`; None for any other name."""
    match = _MARKER.fullmatch(path)
    return None if match is None else match[1]


# comparisons/<sha256>/<sha16>.json       what `tenfold report` measured on an image

COMPARISONS_FOLDER: Final = "comparisons"


def comparisons_of(source_sha256: str) -> str:
    """The folder of what was measured on a source file."""
    return f"{COMPARISONS_FOLDER}/{source_sha256}"


def comparison_path(source_sha256: str, data: bytes) -> str:
    """Where measurements on a source file lie, given their bytes."""
    return f"{comparisons_of(source_sha256)}/{sha16(data)}.json"


def is_whole_comparison(path: str, data: bytes) -> bool:
    """Whether the bytes of measurements are those that their name promises."""
    return path.rpartition("/")[2] == f"{sha16(data)}.json"


ARCHIVE_FOLDERS: Final = frozenset(
    {
        CATALOGUE_FOLDER,
        SHARDS_FOLDER,
        PREVIEWS_FOLDER,
        LABELS_FOLDER,
        WEIGHTS_FOLDER,
        SEALS_FOLDER,
        MARKS_FOLDER,
        LOCKS_FOLDER,
        RUNS_FOLDER,
        LOST_FOLDER,
        COMPARISONS_FOLDER,
        ATTEMPTS_FOLDER,
    }
)
"""All there is in the top folder of an archive."""
