"""Single flipped bits in an archive: `python -m tests.fuzz.flips --seconds 600 [--seed N] [--unsealed] [--quick]`.

A child process flips one bit of one file, looks at the archive through everything that reads it, and puts the bit
back; when a bit kills the child, that is a finding, and another child goes on behind it. Children are forked from a
process that has imported everything and run nothing, so they start quickly and without threads.

What may happen: what the archive gives back is what it gave before, or an error of ours; and `verify` says NOT SOUND,
unless the bit lies where `verify` does not look (leases, records of runs, marks that end).
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import pipeline.compress.run_codec
import pipeline.decode.resident_codecs
import pipeline.encode.tasks
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import CATALOGUE_FOLDER, LAST_CHECKPOINT, LOG_FOLDER
from pipeline.archive.seals import read_seals
from pipeline.compress.failed_batches import failed_batches
from pipeline.compress.run import CompressRun
from pipeline.decode.archive import Archive
from pipeline.errors import TenfoldError
from pipeline.prune.retention import Retention
from pipeline.prune.run import PruneRun
from pipeline.repair.run import RepairRun
from pipeline.report.report import catalogue_report
from pipeline.sampling import Sampling
from pipeline.store.storage import Storage
from pipeline.verify.run import VerifyRun
from tests.support.image_archives import files, flip
from tests.support.image_files import EXIF, file_of, picture, waves
from tests.support.plain_codec import load_plain
from tests.support.prune_steps import LONG, prune
from tests.support.repair_steps import HERE, compress

_RUNS: Final = 13
"""Commits: from the tenth on, there is a checkpoint."""
_ALWAYS: Final = ("ls", "get", "verify")
_RARELY: Final = 0.05
_HARDLY_EVER: Final = 0.005
_READ_BY_RUNS: Final = ("runs/", "locks/")
_PATIENCE_S: Final = 1200.0
_BITS_PER_CHILD: Final = 200
_SHARES: Final = {
    "data": 5,
    "checkpoint": 3,
    "entry": 4,
    "hint": 1,
    "seals": 2,
    "prune": 1,
    "locks": 1,
    "runs": 2,
}
"""How often a kind of file is drawn, where the others are drawn once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bit:
    """One bit of one file."""

    path: str
    at: int
    bit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came of one flipped bit."""

    bit: Bit
    sound: bool | None
    """What `verify` said; None when it ended in an error of ours, or was not asked."""
    refused: int
    """Other looks that ended in an error of ours; the rest gave what they gave before."""
    fault: str | None
    """What must not be."""


def use_plain_codec() -> None:
    """Let this process, which is there for it, encode and decode with the codec of a few lines."""
    for module in (pipeline.decode.resident_codecs, pipeline.compress.run_codec, pipeline.encode.tasks):
        setattr(module, "load_codec", load_plain)  # noqa: B010  to mypy, a module has no attributes to set


def make_archive(folder: Path, *, more: int = 0) -> Path:
    """An archive with a file of every kind: data files, a checkpoint, seals, a mark, leases, records, plans.

    Args:
        more: files of a few bytes that it holds beside some images, each a row of its catalogue.
    """
    source, archive = folder / "source", folder / "archive"
    source.mkdir(parents=True)
    (source / "kept.png").write_bytes(b"not an image")
    (source / "wide.jpg").write_bytes(file_of(picture(), "JPEG", exif=EXIF, quality=97))
    for number in range(_RUNS):
        if number == _RUNS - 1:
            for note in range(more):
                (source / f"note-{note:06d}.png").write_bytes(b"%d" % note)
        (source / f"{number % 4}.png").write_bytes(waves(number, 32, 24))
        compress(source, archive, quality=40)
    prune(Storage(archive), keep=12, grace=LONG)
    (max((archive / "runs").iterdir()) / "summary.json").unlink()  # as if it had been killed: it is resumed
    return archive


def looks_at(archive: Path) -> dict[str, Callable[[], Any]]:
    """All ways to read an archive, by name; what they return is the same each time."""
    storage, url = Storage(archive), str(archive)
    key, *_ = keys = list(Archive(url).keys())

    def pruned() -> tuple[int, ...]:
        seen = PruneRun(storage, Retention(keep_versions=5)).plan()
        return seen.newest_version, seen.oldest_version, seen.kept_from

    def reported() -> object:
        return catalogue_report(storage, Catalogue(storage), sampling=Sampling(count=0)).aggregate.reasons

    return {
        "ls": lambda: Catalogue(storage).table(),
        "get": lambda: Archive(url).file(key).data,
        "find": lambda: Catalogue(storage).lookup(keys),
        "history": lambda: Catalogue(storage).versions(),
        "past": lambda: Catalogue(storage, as_of=6).table(),
        "diff": lambda: list(Catalogue(storage).changes_since(Catalogue(storage, as_of=6))),
        "prune": pruned,
        "report": reported,
    }


def work_on(archive: Path) -> dict[str, Callable[[], Any]]:
    """All ways to go on with an archive, by name; each tells what the archive holds afterwards."""
    storage, source = Storage(archive), archive.parent / "source"

    def content() -> list[tuple[Any, ...]]:
        return [(row.key, row.status, row.source_sha256) for row in Archive(str(archive)).rows()]

    def compressed() -> object:
        compress(source, archive, quality=40)
        return content()

    def retried() -> object:
        for batch in failed_batches(storage, HERE, as_then=True):
            CompressRun(batch.source, storage, batch.config).run()
        return content()

    return {"compress": compressed, "retry-failed": retried}


class Looker:
    """Looks at one archive again and again, each time with another bit flipped."""

    def __init__(self, archive: Path, *, quick: bool = False) -> None:
        """Remember what it gives while it is whole.

        Args:
            quick: take one of the usual ways to look that is drawn, hardly ever a slower one, and none that writes.
        """
        self._archive = archive
        self._quick = quick
        self._looks = looks_at(archive)
        self._expected = {name: look() for name, look in self._looks.items()}
        self._after = {} if quick else {name: self._worked(name) for name in work_on(archive)}
        sealed = read_seals(Storage(archive))
        needed = {*Catalogue(Storage(archive)).shards(), *sealed.seals}
        # that nothing vouches for a file is all that `verify` can say of one without a seal
        vouched = ("catalogue/", "seals/") if sealed.files else ()
        if not sealed.files:
            del self._looks["history"]  # tells what entries say of their commits
        self._seen_by_verify = (*vouched, "codec/", "prune/", *needed)

    def look(self, bit: Bit, *, chance: random.Random | None = None) -> Seen:
        """Flip a bit, look, and flip it back.

        Args:
            chance: draws the ways to look that are taken where not all are; None to take all.
        """
        path = self._archive / bit.path
        whole = path.read_bytes()
        flip(path, bit.at, bit.bit)
        try:
            return self._looked(bit, chance)
        finally:
            path.write_bytes(whole)

    def _looked(self, bit: Bit, chance: random.Random | None) -> Seen:
        verified: list[bool] = []

        def verify() -> None:
            verified.append(VerifyRun(Storage(self._archive), HERE).run().sound)

        def structure() -> None:
            VerifyRun(Storage(self._archive), HERE, level="structure").run()

        def repair() -> None:
            RepairRun(Storage(self._archive), HERE, dry_run=True).run()

        looks: dict[str, tuple[Callable[[], Any], Any]] = {
            **{name: (look, self._expected[name]) for name, look in self._looks.items()},
            "verify": (verify, None),
            "verify --level structure": (structure, None),
            "repair --dry-run": (repair, None),
            **{name: (partial(self._worked, name), after) for name, after in self._after.items()},
        }
        refused = 0
        fault = None
        always = (chance.choice(_ALWAYS),) if self._quick and chance is not None else _ALWAYS
        for name, (look, expected) in looks.items():
            if chance is not None and name not in always and chance.random() >= self._share(name, bit):
                continue
            try:
                if look() != expected:
                    fault = f"{name}: other data in silence"
            except TenfoldError as error:
                refused += 1
                if not str(error).startswith("Expected "):
                    fault = f"{name}: {_words(error)}"
            except BaseException as error:  # noqa: BLE001  whatever it is, it is the finding
                fault = f"{name}: {_words(error)}"
            if fault is not None:
                break
        sound = verified[0] if verified else None
        if fault is None and sound and bit.path.startswith(self._seen_by_verify):
            fault = "verify: sound"
        return Seen(bit=bit, sound=sound, refused=refused, fault=fault)

    def _share(self, name: str, bit: Bit) -> float:
        """How often one of the slower looks is taken: oftener where the bit is one that it reads."""
        if self._quick:
            return _HARDLY_EVER
        return 0.5 if name in self._after and bit.path.startswith(_READ_BY_RUNS) else _RARELY

    def _worked(self, name: str) -> object:
        """What a verb that writes leaves, of a copy: the lease of it is nobody's."""
        with tempfile.TemporaryDirectory(dir=self._archive.parent) as folder:
            for part in ("archive", "source"):
                shutil.copytree(self._archive.parent / part, Path(folder) / part)
            return work_on(Path(folder) / "archive")[name]()


def _words(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__name__}: {str(error)[:200]}"


def _look_at_all(made: Path, bits: Sequence[Bit], seed: int | None, quick: bool, answers: Connection) -> None:
    """The work of a child: one answer for each bit, in order."""
    use_plain_codec()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    looker = Looker(made / "archive", quick=quick)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # of a panic, Rust prints the stack
    chance = None if seed is None else random.Random(seed)
    for bit in bits:
        answers.send(looker.look(bit, chance=chance))


def look_in_children(
    made: Path, bits: Sequence[Bit], *, seed: int | None = None, quick: bool = False
) -> Iterator[Seen]:
    """What comes of each bit, in order, whatever it does to the process that looks.

    Args:
        made: the folder of `archive/` and `source/`; each child has a copy.
        seed: draws which of the slower ways to look are taken; None to take all.
        quick: as `Looker` has it.
    """
    done = 0
    while done < len(bits):
        with tempfile.TemporaryDirectory(prefix="tenfold-flips-") as own:
            shutil.copytree(made, own, dirs_exist_ok=True)
            mine, theirs = multiprocessing.Pipe(duplex=False)
            child = multiprocessing.get_context("fork").Process(
                target=_look_at_all, args=(Path(own), bits[done:], seed, quick, theirs)
            )
            child.start()
            theirs.close()
            try:
                while done < len(bits):
                    if not mine.poll(_PATIENCE_S):
                        child.kill()
                    yield mine.recv()
                    done += 1
            except EOFError:
                child.join()
                fault = f"the process ended: {child.exitcode}"
                yield Seen(bit=bits[done], sound=None, refused=0, fault=fault)
                done += 1
            finally:
                child.kill()
                child.join()


def drawn(archive: Path, rng: random.Random, count: int, *, only: str = "") -> list[Bit]:
    """Bits of files of every kind."""
    sizes = {str(path.relative_to(archive)): path.stat().st_size for path in files(archive)}
    paths = [path for path, size in sizes.items() if size and path.startswith(only)]
    of_kind = {kind: [path for path in paths if kind_of(path) == kind] for kind in map(kind_of, paths)}
    kinds = sorted(of_kind)
    shares = [_SHARES.get(kind, 1) for kind in kinds]
    chosen = [rng.choice(of_kind[kind]) for kind in rng.choices(kinds, shares, k=count)]
    return [Bit(path=path, at=rng.randrange(sizes[path]), bit=rng.randrange(8)) for path in chosen]


def kind_of(path: str) -> str:
    """What kind of file a path below an archive names."""
    if path == LAST_CHECKPOINT:
        return "hint"
    if path.startswith(f"{LOG_FOLDER}/"):
        return "entry" if path.endswith(".json") else "checkpoint"
    return "data" if path.startswith(f"{CATALOGUE_FOLDER}/") else path.partition("/")[0]


def main() -> int:
    """Flip until the time is over; every finding is printed, with the bit that shows it again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--unsealed", action="store_true", help="an archive whose catalogue has no checksums")
    parser.add_argument("--only", default="", help="files whose paths start so")
    parser.add_argument(
        "--rows", type=int, default=0, help="beyond 2,048, data files have several row groups"
    )
    parser.add_argument("--quick", action="store_true", help="one look a bit: many more bits")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else int(time.time())
    rng = random.Random(seed)
    print(f"seed {seed}", flush=True)
    until = time.monotonic() + arguments.seconds
    counts: Counter[tuple[str, str]] = Counter()
    found = 0
    with tempfile.TemporaryDirectory(prefix="tenfold-flips-") as folder:
        made = Path(folder)
        in_forked_child(_make, made, arguments.rows, arguments.unsealed)
        while time.monotonic() < until:
            count = _BITS_PER_CHILD * (10 if arguments.quick else 1)
            bits = drawn(made / "archive", rng, count, only=arguments.only)
            for seen in look_in_children(made, bits, seed=rng.getrandbits(32), quick=arguments.quick):
                counts[kind_of(seen.bit.path), ending(seen)] += 1
                if seen.fault:
                    found += 1
                    print(f"FOUND {seen}", flush=True)
                if time.monotonic() >= until:
                    break
    for (kind, ended), count in sorted(counts.items()):
        print(f"{count:>9}  {kind}: {ended}")
    print(f"{counts.total()} bits, {found} of them a fault")
    return 1 if found else 0


def ending(seen: Seen) -> str:
    """How a look ended, in words."""
    if seen.fault is not None:
        return seen.fault.split(":")[0] + ": fault"
    verdict = {True: "sound", False: "NOT SOUND", None: "no verdict"}[seen.sound]
    return f"{verdict}, {'all is read' if not seen.refused else 'verbs refuse'}"


def _make(folder: Path, more: int, unsealed: bool) -> None:
    use_plain_codec()
    archive = make_archive(folder, more=more)
    if unsealed:
        shutil.rmtree(archive / "seals")


def in_forked_child(work: Callable[..., None], *given: object) -> None:
    """Do in a child what would start threads here."""
    child = multiprocessing.get_context("fork").Process(target=work, args=given)
    child.start()
    child.join()
    if child.exitcode:
        raise RuntimeError(f"Expected an archive to be made, got exit code {child.exitcode}.")


if __name__ == "__main__":
    sys.exit(main())
