"""What must hold of an archive after anything.

I1 every committed image decodes and every CRC matches. I2 a key is in a version at most once. I3 an old version
never changes. I4 planned = images of every status + damaged ones that replace nothing + left. I5 prune never removes
what a kept version needs. I6 no reader sees half a commit. I7 two drivers on one run do no harm. I8 no secret is in any
record.

I5 to I7 are I1 to I4 again, after prunes, while others write, and after two drivers.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import get_args

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.stored_plan import StoredPlan
from pipeline.config import CompressConfig, WorkersConfig
from pipeline.store.storage import Storage
from pipeline.types import Status
from pipeline.verify.run import VerifyRun

SECRET = "TOKEN-c0ffee-never-to-be-seen"
"""Scenarios hand this over wherever a secret may go."""


@dataclass(slots=True)
class Witness:
    """Remembers the versions of an archive, to see that none changes."""

    archive: Storage
    versions: dict[int, str] = field(default_factory=dict)

    def check(self, expected: dict[str, str] | None = None, *, runs_are_exact: bool = True) -> None:
        """All invariants.

        Args:
            expected: key -> SHA-256 of the source file that the archive must hold now; None does not look.
            runs_are_exact: no two runs raced for the same images, so I4 holds of each alone.
        """
        self._sound()
        self._versions()
        self._nothing_secret()
        if runs_are_exact:
            self._counted()
        if expected is not None:
            held = held_in(Catalogue(self.archive))
            assert held == expected, _difference(held, expected)

    def _sound(self) -> None:
        config = CompressConfig(workers=WorkersConfig(count=0))
        summary = VerifyRun(self.archive, config, level="decode").run()
        assert summary.sound, summary.problems[:5]  # I1, I2

    def _versions(self) -> None:
        present = {version.version for version in Catalogue(self.archive).versions()}
        for number in sorted(present):
            digest = digest_of(Catalogue(self.archive, as_of=number))
            assert self.versions.setdefault(number, digest) == digest, f"version {number} has changed"  # I3
        self.versions = {number: digest for number, digest in self.versions.items() if number in present}

    def _counted(self) -> None:
        for info in self.archive.list("runs"):
            if info.path.endswith("/summary.json"):
                run = info.path.split("/")[1]
                said = json.loads(self.archive.read(info.path))
                planned = sum(unit.images for unit in StoredPlan(self.archive, run).units())
                # a file that came short is damaged, and does not take the place of what is stored
                damaged_back = said["images"] - sum(said[status] for status in get_args(Status))
                assert 0 <= damaged_back <= min(said["damaged"], len(said["held_back"])), run
                assert planned == said["images"] + said["left"], run  # I4

    def _nothing_secret(self) -> None:
        for info in self.archive.list():
            assert SECRET.encode() not in self.archive.read(info.path), info.path  # I8


def held_in(catalogue: Catalogue) -> dict[str, str]:
    """Key -> SHA-256 of the source file, of every image that a version holds."""
    columns = ["key", "source_sha256"]
    return {
        row["key"]: row["source_sha256"] for batch in catalogue.scan(columns) for row in batch.to_pylist()
    }


def digest_of(catalogue: Catalogue) -> str:
    """Of everything that a version says."""
    digest = hashlib.sha256()
    for batch in catalogue.in_key_order():
        for row in batch.to_pylist():
            digest.update(repr(sorted(row.items())).encode())
    return digest.hexdigest()


def _difference(held: dict[str, str], expected: dict[str, str]) -> str:
    missing, extra = sorted(expected.keys() - held.keys()), sorted(held.keys() - expected.keys())
    other = sorted(key for key in held.keys() & expected.keys() if held[key] != expected[key])
    return f"missing {missing[:5]}, too many {extra[:5]}, of another version {other[:5]}"
