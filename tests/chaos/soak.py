"""A long life: random operations on a source and its archive, beside a model of what must be there, past included."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import PIL.Image

from pipeline.archive.catalogue import Catalogue
from pipeline.decode.archive import Archive
from pipeline.prune.retention import Retention
from pipeline.prune.run import PruneRun
from pipeline.store.storage import Storage
from tests.chaos.invariants import Witness, held_in
from tests.chaos.settings import write_settings
from tests.support.pictures import contents, draw, fill
from tests.support.road import tenfold

_IMAGES = 16
_LEAST_PSNR_DB = 25.0


@dataclass
class Model:
    """What must be in the archive, and what was in each of its versions."""

    now: dict[str, str] = field(default_factory=dict)
    """Key -> SHA-256 of the file that was compressed."""
    past: dict[int, dict[str, str]] = field(default_factory=dict)


class Soak:
    """One archive's life. Every step does something, and looks whether the archive is what the model says."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        """Begin with a few pictures."""
        self.source, self.archive = folder / "source", folder / "archive"
        self._kept = folder / "pictures"
        self._rng = rng
        self._config = write_settings(folder, quality=40, source=self.source, archive=self.archive)
        fill(self.source, _IMAGES, rng)
        self._operations = [
            *(2 * [self.add, self.change]),
            *(self.delete, self.compress, self.nightly_keeping, self.nightly_dropping),
            *(self.prune, self.verify, self.back_from_the_past),
        ]
        self.model = Model()
        self.counts: Counter[str] = Counter()
        self._witness = Witness(Storage(self.archive))
        self.compress()

    def step(self) -> None:
        """One operation, and a look."""
        operation = self._rng.choice(self._operations)
        operation()
        self.counts[operation.__name__] += 1
        held = held_in(Catalogue(Storage(self.archive)))
        assert held == self.model.now, f"after {operation.__name__}"

    def add(self) -> None:
        """New pictures in the source."""
        for _ in range(self._rng.randrange(1, 4)):
            draw(self.source / f"new{self._rng.randrange(10**9):09d}.png", self._rng)

    def change(self) -> None:
        """Other pictures under old names."""
        for path in self._some(3):
            draw(path, self._rng)

    def delete(self) -> None:
        """Pictures that go from the source; never so many that a nightly would refuse."""
        for path in self._some(2):
            path.unlink()

    def compress(self) -> None:
        """Everything new and changed comes in."""
        self._run("compress", self.source, self.archive, "--config", self._config)
        self._came_in()

    def nightly_keeping(self) -> None:
        """The same, by night."""
        self._run("nightly", "--config", self._config)
        self._came_in()

    def nightly_dropping(self) -> None:
        """What went from the source goes from the archive."""
        self._run("nightly", "--config", self._config, "--deletes", "fail-if-over 100%")
        self.model.now = {}
        self._came_in()

    def prune(self) -> None:
        """Mark, and when the grace period is over remove: what a kept version needs stays."""
        archive, kept = Storage(self.archive), self._rng.randrange(1, 12)
        rules = Retention(keep_versions=kept)
        PruneRun(archive, rules).apply()
        PruneRun(archive, rules, clock=lambda: datetime.now(UTC) + 2 * rules.grace).apply()
        there = {version.version for version in Catalogue(archive).versions()}
        newest = max(self.model.past)
        assert there == set(range(max(min(self.model.past), newest - kept + 1), newest + 1))
        self.model.past = {number: held for number, held in self.model.past.items() if number in there}

    def verify(self) -> None:
        """Every invariant."""
        self._witness.check(self.model.now)

    def back_from_the_past(self) -> None:
        """A picture out of any version is the picture that went in."""
        number = self._rng.choice(sorted(self.model.past))
        held = self.model.past[number]
        archive = Archive(str(self.archive), as_of=number)
        assert held_in(Catalogue(Storage(self.archive), as_of=number)) == held
        for key in self._rng.sample(sorted(held), min(2, len(held))):
            original = self._kept / held[key]
            if key != "text.png":
                assert _psnr_db(archive.get(key), PIL.Image.open(original)) > _LEAST_PSNR_DB, (number, key)

    def _run(self, *words: str | Path) -> None:
        ran = tenfold(*words)
        assert ran.code in (0, 3), (words, ran.code, ran.err)

    def _came_in(self) -> None:
        there = contents(self.source)
        self.model.now |= there
        self._kept.mkdir(exist_ok=True)
        for key, sha256 in there.items():
            if not (self._kept / sha256).exists():
                (self._kept / sha256).write_bytes((self.source / key).read_bytes())
        catalogue = Catalogue(Storage(self.archive))
        for version in catalogue.versions():
            if version.version not in self.model.past:  # a run's commits: each holds a part of what came in
                held = held_in(Catalogue(Storage(self.archive), as_of=version.version))
                assert held.items() <= self.model.now.items() | self._before(version.version).items()
                self.model.past[version.version] = held
        assert self.model.past[catalogue.version()] == self.model.now

    def _before(self, number: int) -> dict[str, str]:
        """What an image may still be while a run is half through: what it was in the version before."""
        older = [version for version in self.model.past if version < number]
        return self.model.past[max(older)] if older else {}

    def _some(self, most: int) -> list[Path]:
        there = sorted(path for path in self.source.iterdir() if path.name != "text.png")
        return self._rng.sample(there, min(most, max(0, len(there) - 6)))


def soak(folder: Path, rng: random.Random, *, until: float) -> Counter[str]:
    """Live until then.

    Returns:
        How often each operation was done.
    """
    life = Soak(folder, rng)
    while not life.counts or time.monotonic() < until:
        life.step()
    life.verify()
    return life.counts


def _psnr_db(a: PIL.Image.Image, b: PIL.Image.Image) -> float:
    difference = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    top = 65535.0 if b.mode.startswith("I") else 255.0
    error = float(np.mean(difference**2))
    return 99.0 if error == 0 else 10 * float(np.log10(top**2 / error))
