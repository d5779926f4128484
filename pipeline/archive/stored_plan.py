"""The plan of a run: the images to encode, cut into units of work that are stored before they start.

A unit is the thing that is done, retried and committed as a whole. It lies in the archive as
`runs/<run>/plan/<n>.jsonl.gz`, so that a resumed run does exactly what the first attempt set out to do;
`runs/<run>/plan/listed.json` says that the listing had come to its end.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from pipeline.archive.layout import listed_path, plan_folder, unit_number, unit_path
from pipeline.errors import DamagedError
from pipeline.store.storage import Storage
from pipeline.types import Prior, SourceImage

_PRIOR_FIELDS: Final = frozenset(field.name for field in fields(Prior))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A planned unit of work, as the driver holds it; its images lie in the stored plan."""

    number: int
    images: int
    source_bytes: int


class StoredPlan:
    """The plan of one run, in the archive."""

    def __init__(self, storage: Storage, run: str) -> None:
        """Look at the plan of `run`; nothing is read yet."""
        self._storage = storage
        self._run = run

    def store(self, number: int, images: list[SourceImage]) -> Unit:
        """Write a unit before any of its work starts: as `number`, or the first after it that no other unit has.

        Two drivers of a run, one of which was taken for dead, plan side by side. What the other has planned stays, and
        is this unit where it is the same.
        """
        lines = "".join(json.dumps(image_as_json(image)) + "\n" for image in images)
        data = gzip.compress(lines.encode("utf-8"), 6, mtime=0)
        while not self._storage.create(unit_path(self._run, number), data) and self.load(number) != images:
            number += 1
        return Unit(number=number, images=len(images), source_bytes=sum(i.size or 0 for i in images))

    def load(self, number: int) -> list[SourceImage]:
        """The images of unit `number`, in plan order.

        Raises:
            DamagedError: what comes back is not what was stored.
            FileNotFoundError: it is not there.
            StorageError: the store did not answer as it should.
        """
        path = unit_path(self._run, number)
        stored = self._storage.read(path)
        try:
            text = gzip.decompress(stored).decode("utf-8")
            images = [image_from_json(json.loads(line)) for line in text.splitlines()]
        except (gzip.BadGzipFile, EOFError, zlib.error, ValueError) as error:
            raise self._damaged(path, str(error)) from error
        if not images:  # gzip makes nothing of nothing
            raise self._damaged(path, "no image")
        return images

    def units(self) -> list[Unit]:
        """Every unit stored so far, in order."""
        return [unit for unit, _ in self.stored()]

    def stored(self) -> Iterator[tuple[Unit, list[SourceImage]]]:
        """Every unit stored so far with its images, in order; each is read once."""
        numbers = (unit_number(info.path) for info in self._storage.list(plan_folder(self._run)))
        for number in sorted(number for number in numbers if number is not None):
            images = self.load(number)
            size = sum(image.size or 0 for image in images)
            yield Unit(number=number, images=len(images), source_bytes=size), images

    def finish(self, facts: dict[str, Any]) -> None:
        """Record that the listing came to its end."""
        self._storage.write(listed_path(self._run), json.dumps(facts).encode())

    def facts(self) -> dict[str, Any] | None:
        """What `finish` recorded, or None while the listing has not ended.

        Raises:
            DamagedError: what comes back is not what was recorded.
        """
        path = listed_path(self._run)
        try:
            facts: dict[str, Any] = json.loads(self._storage.read(path))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise self._damaged(path, str(error)) from error
        return facts

    def _damaged(self, path: str, how: str) -> DamagedError:
        return DamagedError(
            f"Expected a part of a run's plan at {path}, got damaged bytes ({how}). Run the same command again; "
            f"if it ends like this once more, delete runs/{self._run}/ in the archive: what that run had not "
            "committed is then planned anew."
        )


def image_as_json(image: SourceImage) -> dict[str, object]:
    """One flat record. What few images have lies beside the rest, and only where there is something."""
    record = asdict(image)
    rare = record.pop("prior") | {name: record.pop(name) for name in ("offset", "length")}
    record["mtime"] = image.mtime.isoformat() if image.mtime else None
    return {**record, **{name: value for name, value in rare.items() if value is not None}}


def image_from_json(record: dict[str, Any]) -> SourceImage:
    """Undo `image_as_json`."""
    prior = Prior(**{name: value for name, value in record.items() if name in _PRIOR_FIELDS})
    facts = {name: value for name, value in record.items() if name not in _PRIOR_FIELDS}
    mtime = record["mtime"]
    facts["mtime"] = None if mtime is None else datetime.fromisoformat(mtime)
    return SourceImage(**facts, prior=prior)
