"""What a repair comes to: what `tenfold repair` prints, and what stays in the archive."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from pipeline.archive.layout import REPAIR_JSON, RUNS_FOLDER, parse_record_path, record_path
from pipeline.store.storage import Storage
from pipeline.verify.damage import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A catalogue that was made again."""

    why: str
    images: int
    shards: int
    unreadable: tuple[Problem, ...]
    """Shards that could not be read."""
    unknown: tuple[str, ...]
    """Those of them of which nothing is known any more: what only they held is gone without a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostImage:
    """An image that the archive held and does not hold any more."""

    key: str
    reason: str
    """For a person."""
    lost_shard: str
    """In which it was: a sound copy of it brings the image back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairSummary:
    """What `tenfold repair --json` prints; with `dry_run` it is what would be done."""

    dry_run: bool
    repair: str
    """Its name: `runs/<repair>/repair.json` keeps this summary."""
    version: int | None = None
    """Of the catalogue, when all is done."""
    rebuilt: Rebuilt | None = None
    mended: list[str] = field(default_factory=list)
    """Damaged files that the archive does without, or that were put back."""
    put_back: list[str] = field(default_factory=list)
    """Weights that payloads need, that were missing, and that this release ships."""
    unlearned: list[str] = field(default_factory=list)
    """Digests of weights that the archive encoded with since it learned from its images, and that are lost: it encodes
    with the shipped ones again."""
    put_aside: str | None = None
    """Where what was taken out of the archive lies in it."""
    damaged: list[Problem] = field(default_factory=list)
    """What was wrong with shards, and with what the catalogue said of them."""
    salvaged: int = 0
    """Images that were whole in a damaged shard and lie in a new one, as they were."""
    corrected: int = 0
    """Rows of the catalogue that said other than their sound shards."""
    encoded_again: int = 0
    """Images that came back from their sources."""
    returned: int = 0
    """Images that an earlier repair gave up, and whose shard is there again."""
    lost: list[LostImage] = field(default_factory=list)
    """Every image of the archive that is lost, also by earlier repairs."""
    damaged_records: list[str] = field(default_factory=list)
    """Records of runs that cannot be read. Nothing is lost but what they told."""
    albums: list[str] = field(default_factory=list)
    """Damaged files of previews, which were removed: `tenfold preview` makes them again."""
    labels: list[str] = field(default_factory=list)
    """Damaged files of labels, which were removed: `tenfold label` makes them again."""
    problems: list[Problem] = field(default_factory=list)
    """What is still wrong."""
    seconds: float = 0.0

    @property
    def found(self) -> bool:
        """Whether anything was wrong."""
        return self.changed or bool(self.lost or self.problems)

    @property
    def changed(self) -> bool:
        """Whether anything was to be done about it."""
        return bool(
            self.rebuilt
            or self.mended
            or self.put_back
            or self.unlearned
            or self.damaged
            or self.returned
            or self.albums
            or self.labels
        )


def record(archive: Storage, summary: RepairSummary) -> None:
    """Keep it in the archive."""
    text = json.dumps(asdict(summary), indent=2, ensure_ascii=False) + "\n"
    archive.write(record_path(summary.repair, REPAIR_JSON), text.encode())


def dealt_with(archive: Storage) -> set[str]:
    """Damaged shards of which earlier repairs saved what could be saved, and said what could not."""
    shards: set[str] = set()
    for info in archive.list(RUNS_FOLDER):
        path = parse_record_path(info.path)
        if path is not None and path.name == REPAIR_JSON:
            try:
                shards |= {problem["path"] for problem in json.loads(archive.read(info.path))["damaged"]}
            except (ValueError, KeyError, TypeError):
                continue  # a damaged record: too much is said rather than too little
    return shards
