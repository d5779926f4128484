"""What `tenfold bench scale` measures: each case on archives of several sizes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from jobs.main import app, load_verb
from pipeline import Archive
from pipeline.bench.metered import Meter
from pipeline.bench.photographs import Photographs
from pipeline.bench.small_images import bytes_an_image, make_small_images
from pipeline.bench.synthetic_archive import DECODABLE, SyntheticArchive
from pipeline.errors import UsageError
from pipeline.store.storage import Storage

_NEWS: Final = 1000
"""Images that come or change in a night."""
_PER_FILE: Final = 100
"""Rows of a file of the catalogue, where its files are many."""
_PER_SMALL_IMAGE: Final = 10
"""Rows for which one small image is encoded."""
_WARM_UP: Final = 20
WARM_S: Final = 3.0
_MOST_WARM: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledArchive:
    """Where a case finds an archive, and the source that it came from."""

    archive: str
    source: str
    rows: int
    has_etags: bool
    """Whether the source knows ETags: a folder does not."""

    def synthetic(self) -> SyntheticArchive:
        """The archive as what writes to it."""
        return SyntheticArchive(
            storage=Storage(self.archive),
            photographs=Photographs(self.rows),
            source_url=self.source,
            has_etags=self.has_etags,
        )

    def another(self, name: str) -> ScaledArchive:
        """Another archive of the same source."""
        return replace(self, archive=f"{self.archive}-{name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something that is done with an archive, in a process of its own."""

    name: str
    """What --only calls it."""
    title: str
    work: Callable[[ScaledArchive, Meter], None]
    after: str | None = None
    """The case that must have changed the archive before."""


def _write(place: ScaledArchive, meter: Meter) -> None:
    with meter.counting():
        place.synthetic().write()


def _open(place: ScaledArchive, meter: Meter) -> None:
    archive = Archive(place.archive)
    with meter.counting():
        len(archive)


def _find(place: ScaledArchive, meter: Meter) -> None:
    archive, key = Archive(place.archive), Photographs(place.rows)[place.rows // 3]
    with meter.counting():
        archive.row(key)


def _find_unknown(place: ScaledArchive, meter: Meter) -> None:
    archive, key = Archive(place.archive), Photographs(place.rows)[place.rows // 3]
    with meter.counting():
        archive.find(f"{key}x")


def _find_more(place: ScaledArchive, meter: Meter) -> None:
    photographs = Photographs(place.rows)
    keys = [photographs[number * 7919 % place.rows] for number in range(_WARM_UP + _MOST_WARM)]
    archive = Archive(place.archive)
    for key in keys[:_WARM_UP]:
        archive.row(key)
    with meter.counting():
        until = time.monotonic() + WARM_S
        for meter.times, key in enumerate(keys[_WARM_UP:], 1):
            archive.row(key)
            if time.monotonic() > until:
                break


def _verb(meter: Meter, *words: str) -> None:
    """Run a verb as the command line does; what it imports at its head is not counted."""
    load_verb(words[0])
    with meter.counting():
        code = _code_of(words)
    if code:
        raise SystemExit(code)


def _code_of(words: Sequence[str]) -> object:
    try:
        return app(list(words), standalone_mode=False)
    except SystemExit as ended:
        return ended.code


def _ls(place: ScaledArchive, meter: Meter) -> None:
    _verb(meter, "ls", place.archive)


def _history(place: ScaledArchive, meter: Meter) -> None:
    _verb(meter, "history", place.archive, "--limit", "10")


def _prune(place: ScaledArchive, meter: Meter) -> None:
    _verb(meter, "prune", place.archive)


def _verify(place: ScaledArchive, meter: Meter) -> None:
    _verb(meter, "verify", place.archive, "--level", "structure", "--workers", "0")


def _decode(place: ScaledArchive, meter: Meter) -> None:
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder, "keys.txt")
        keys.write_text("\n".join(Photographs(place.rows)[:DECODABLE]))
        words = ("--keys-file", os.fspath(keys), "--workers", "0")
        _verb(meter, "decode", place.archive, f"{folder}/out", *words)


def _nightly(place: ScaledArchive, meter: Meter) -> None:
    _verb(meter, "nightly", place.source, place.archive, "--deletes", "drop", "--workers", "0")


def _spread(place: ScaledArchive) -> Sequence[int]:
    return range(0, place.rows, max(1, place.rows // _NEWS))[:_NEWS]


def _append(place: ScaledArchive, meter: Meter) -> None:
    _commit(place.synthetic(), _spread(place), meter, changes="-new")


def _change_adjacent(place: ScaledArchive, meter: Meter) -> None:
    middle = place.rows // 2
    _commit(place.synthetic(), range(middle, min(place.rows, middle + _NEWS)), meter, changes="files")


def _change_spread(place: ScaledArchive, meter: Meter) -> None:
    _commit(place.synthetic(), _spread(place), meter, changes="files")


def _change_one(place: ScaledArchive, meter: Meter) -> None:
    _commit(place.synthetic(), [place.rows // 3 + 1], meter, changes="files")


def _commit_among_files(place: ScaledArchive, meter: Meter) -> None:
    archive = place.another("files").synthetic()
    archive.write(per_commit=_PER_FILE)
    _commit(archive, _spread(place)[:_PER_FILE], meter, changes="-new")


def _commit(archive: SyntheticArchive, numbers: Sequence[int], meter: Meter, *, changes: str) -> None:
    rows = archive.published(numbers, changes=changes)
    with meter.counting():
        archive.commit(rows)


def _small_images(place: ScaledArchive, meter: Meter) -> None:
    archive = place.another("small").archive
    meter.times = max(1, place.rows // _PER_SMALL_IMAGE)
    with tempfile.TemporaryDirectory() as folder:
        make_small_images(Path(folder), meter.times)
        _verb(meter, "compress", folder, archive, "--workers", "0")
    meter.notes |= bytes_an_image(Storage(archive))


CASES: Final = (
    Case(name="write", title="write the archive, 2,048 rows a commit", work=_write),
    Case(name="open", title="open it, cold", work=_open),
    Case(name="find", title="open and look up a key", work=_find),
    Case(name="find-unknown", title="open and look up a key that is not there", work=_find_unknown),
    Case(name="find-more", title="look up one key more", work=_find_more),
    Case(name="ls", title="ls", work=_ls),
    Case(name="history", title="history --limit 10", work=_history),
    Case(name="prune", title="prune, dry", work=_prune),
    Case(name="verify", title="verify --level structure", work=_verify),
    Case(name="decode", title="decode 2 keys", work=_decode),
    Case(name="nightly", title="a night without news", work=_nightly),
    Case(name="append", title="commit 1,000 new, all over the keys", work=_append),
    Case(name="change-adjacent", title="commit 1,000 changed, side by side", work=_change_adjacent),
    Case(name="change-spread", title="commit 1,000 changed, all over the keys", work=_change_spread),
    Case(name="change-one", title="... and 1 changed after that", work=_change_one, after="change-spread"),
    Case(name="find-after", title="... open and look up a key after that", work=_find, after="change-spread"),
    Case(
        name="commit-among-files",
        title="commit 100 new, rows/100 files in the table",
        work=_commit_among_files,
    ),
    Case(name="small-images", title="compress 64x64 images, one for 10 rows: each", work=_small_images),
)
"""In the order in which they are done: those that only look come before those that change the archive."""


def chosen_cases(names: Collection[str]) -> list[Case]:
    """The cases of these names, and those that must be done before them; all where none is named.

    Raises:
        UsageError: there is no such case.
    """
    by_name = {case.name: case for case in CASES}
    if unknown := set(names) - by_name.keys():
        raise UsageError(f"Expected cases of {', '.join(by_name)}; got {', '.join(sorted(unknown))}.")
    wanted = {CASES[0].name, *(names or by_name)}
    wanted |= {before for name in wanted if (before := by_name[name].after) is not None}
    return [case for case in CASES if case.name in wanted]
