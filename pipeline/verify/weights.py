"""What is wrong with the weights of an archive, and with the records that say which ones it encodes with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from codec.weights_file import SUFFIX, digest_of
from pipeline.archive.adaptations import current_adaptations, damaged_adaptations
from pipeline.archive.layout import (
    ADAPTATIONS_FOLDER,
    WEIGHTS_FOLDER,
    decoder_at,
    digest_of_difference,
    weights_path,
)
from pipeline.archive.weights import archived_digests, base_named_by, read_stored_weights
from pipeline.errors import ArchiveError
from pipeline.store.storage import Storage
from pipeline.verify.damage import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsSeen:
    """A weights file of an archive, or what makes one of another, read."""

    path: str
    num_bytes: int
    digest: str
    """Of the weights, hexadecimal, as the name says."""
    base: bytes | None
    """Digest of the weights that these are made of; None for a whole file, and where damage hides it."""
    damage: str | None
    """What is wrong with it, for a person."""

    @property
    def problem(self) -> Problem | None:
        """The same, with its place."""
        return None if self.damage is None else Problem(path=self.path, key=None, problem=self.damage)


def weights_seen(archive: Storage) -> Iterator[WeightsSeen]:
    """Every weights file and every difference of an archive, one after the other."""
    for info in archive.list(WEIGHTS_FOLDER):
        if info.path.startswith(f"{ADAPTATIONS_FOLDER}/"):
            continue
        digest = digest_of_difference(info.path)
        yield _whole_file(archive, info.path) if digest is None else _difference(archive, info.path, digest)


def damaged_learning(archive: Storage) -> Iterator[Problem]:
    """Records of adaptations that are damaged, and weights that the archive is to encode with and lacks."""
    for path in damaged_adaptations(archive):
        words = (
            "Expected the checksum that its name promises, got another: what it says does not count. No image needs "
            "it; `tenfold repair` puts it aside."
        )
        yield Problem(path=path, key=None, problem=words)
    current = {digest for record in current_adaptations(archive).values() for digest in record.encodes_with}
    for digest in sorted(current.difference(archived_digests(archive))):
        words = (
            "Expected the weights that the archive encodes with since it learned from its images, got nothing there. "
            "Copy the file back from a backup."
        )
        yield Problem(path=weights_path(digest), key=None, problem=words)


def _whole_file(archive: Storage, path: str) -> WeightsSeen:
    data = archive.read(path)
    digest, found = path.rpartition("/")[2].removesuffix(SUFFIX), digest_of(data).hex()
    consequence = (
        "what was coded with them does not decode"
        if decoder_at(path) is None
        else "that decoder shows nothing"
    )
    words = (
        f"Expected weights with digest {digest}, got {found}: {consequence}. `tenfold repair` puts back what ships "
        "with this release; else copy the file back from a backup."
    )
    return WeightsSeen(
        path=path, num_bytes=len(data), digest=digest, base=None, damage=None if found == digest else words
    )


def _difference(archive: Storage, path: str, digest: bytes) -> WeightsSeen:
    data = archive.read(path)
    damage = None
    try:
        read_stored_weights(archive, digest)
    except ArchiveError as error:
        damage = f"What was coded with the weights {digest.hex()} does not decode. {error}"
    return WeightsSeen(
        path=path, num_bytes=len(data), digest=digest.hex(), base=base_named_by(data), damage=damage
    )
