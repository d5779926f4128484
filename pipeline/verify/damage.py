"""What is wrong with one shard or with the catalogue: `verify` tells it, `repair` mends it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import google_crc32c

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import CATALOGUE_FOLDER
from pipeline.archive.range_reads import EXTRAS, spans_of
from pipeline.archive.schema import rows_of
from pipeline.archive.shards import catalogue_rows
from pipeline.errors import DamagedError, NewerFormatError
from pipeline.packing.file_of import unpacked
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is not as it was written."""

    path: str
    """Of the object, below the archive."""
    key: str | None
    """The image that it concerns, or None for all in the object."""
    problem: str

    @property
    def line(self) -> str:
        """For a person."""
        return f"{self.path}{f' {self.key}' if self.key is not None else ''}: {self.problem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardDamage:
    """What is wrong with a shard, and with what the catalogue says of it; nothing, when all is empty."""

    damage: str | None = None
    """Why its bytes are not those that were written."""
    damaged_images: dict[str, str] = field(default_factory=dict)
    """Key -> what of the image is gone."""
    misstated: dict[str, CatalogueRow | None] = field(default_factory=dict)
    """Key -> what a sound shard says of an image of which the catalogue says otherwise; None: nothing."""

    def problems(self, shard: str, rows: Sequence[CatalogueRow]) -> Iterator[Problem]:
        """The same for a person; `rows` are the catalogue's."""
        if self.damage is not None:
            yield Problem(path=shard, key=None, problem=self.damage)
        for key, what in self.damaged_images.items():
            yield Problem(path=shard, key=key, problem=what)
        for row in rows:
            if row.key in self.misstated:
                said = self.misstated[row.key]
                got = "nothing" if said is None else f"other values of {', '.join(_differing(row, said))}"
                words = f"Expected to say what {shard} says of it, got {got}."
                yield Problem(path=CATALOGUE_FOLDER, key=row.key, problem=words)


def shard_damage(rows: Sequence[CatalogueRow], shard: str, data: bytes) -> ShardDamage:
    """Hold a shard's bytes against its name, and against what the catalogue says lies in it."""
    try:
        stored = catalogue_rows(data, shard)
    except DamagedError as error:
        found = ((row.key, _gone_of(row, data)) for row in rows)
        return ShardDamage(
            damage=str(error), damaged_images={key: gone for key, gone in found if gone is not None}
        )
    held = {row.key: row for row in rows_of(stored, CatalogueRow)}
    damaged_images = {}
    misstated = {}
    for row in rows:
        if held.get(row.key) != row:
            misstated[row.key] = held.get(row.key)
        elif (gone := _does_not_unpack(row, data)) is not None:
            damaged_images[row.key] = gone
    return ShardDamage(damaged_images=damaged_images, misstated=misstated)


def read_shard(archive: Storage, rows: Sequence[CatalogueRow], shard: str) -> tuple[bytes, ShardDamage]:
    """A shard's bytes, and what is wrong with them; read again before anything is said to be.

    Raises:
        FileNotFoundError: it is missing.
        UnreadableError: its store does not give it back.
    """
    data = archive.read(shard)
    found = shard_damage(rows, shard, data)
    if found.damage is not None:  # perhaps on the way alone
        data = archive.read(shard)
        found = shard_damage(rows, shard, data)
    return data, found


def missing_shard(rows: Sequence[CatalogueRow]) -> ShardDamage:
    """What is wrong when nothing is there."""
    return ShardDamage(
        damaged_images={
            row.key: "Expected its shard, got nothing there. Restore it from a copy." for row in rows
        }
    )


def unreadable_rows(rows: Sequence[CatalogueRow], error: DamagedError) -> ShardDamage:
    """What is wrong when the shard is there, and its store does not give it back."""
    return ShardDamage(
        damage=str(error), damaged_images={row.key: "Its shard cannot be read." for row in rows}
    )


def damaged_catalogue(archive: Storage, catalogue: Catalogue) -> Iterator[Problem]:
    """Files of the version seen that are missing or of another length, and keys that are there twice."""
    held = {info.path: info.size for info in archive.list(CATALOGUE_FOLDER)}
    for path, size in catalogue.files().items():
        found = held.get(path)
        if found != size:
            got = "nothing there" if found is None else f"{found:,} bytes"
            yield Problem(path=path, key=None, problem=f"Expected {size:,} bytes of catalogue, got {got}.")
    for key, count in catalogue.repeated_keys().items():
        yield Problem(path=CATALOGUE_FOLDER, key=key, problem=f"Expected one row for it, got {count}.")


def _gone_of(row: CatalogueRow, data: bytes) -> str | None:
    """What a damaged shard does not give back of an image."""
    parts = {
        name: data[offset : offset + length]
        for name, (offset, length) in spans_of(row, ("payload", *EXTRAS)).items()
    }
    payload = parts.pop("payload", None)
    if _crc32c(payload) != row.payload_crc32c:
        return "Its payload is damaged: it does not decode."
    if _crc32c(b"".join(parts.values()) if parts else None) != row.extras_crc32c:
        return "Its metadata is damaged."
    return None


def _crc32c(data: bytes | None) -> int | None:
    return None if data is None else google_crc32c.value(data)


def _does_not_unpack(row: CatalogueRow, data: bytes) -> str | None:
    """Why the file of a kept or bounded image does not come back from a sound shard; None when it does.

    One that only a newer release unpacks is not damaged: nobody may take it for lost.
    """
    if row.status not in ("kept", "bounded"):
        return None
    ((offset, length),) = spans_of(row, ("payload",)).values()
    payload = data[offset : offset + length]
    try:
        file = unpacked(row, payload)
    except DamagedError as error:
        return str(error)
    except NewerFormatError:
        return None
    if row.status == "kept" and row.source_sha256 not in (None, hashlib.sha256(file).hexdigest()):
        return "Expected the original file, got other bytes."
    return None


def _differing(a: CatalogueRow, b: CatalogueRow) -> Sequence[str]:
    return [name for name in CatalogueRow.__slots__ if getattr(a, name) != getattr(b, name)]
