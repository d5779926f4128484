"""What an archive has learned from its images: records of adaptations, and which weights they say to encode with.

    codec/adaptations/<utc time>-<sha16>.json      accepted or refused, and on what evidence; never changed

The newest accepted record of a codec names the weights that the archive encodes with from then on. Any weights decode
that a payload names, so a record that is damaged or lost loses no image: the one before it counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Final, Self

from pipeline.archive.layout import (
    ADAPTATIONS_FOLDER,
    adaptation_path,
    is_adaptation_path,
    is_whole_adaptation,
)
from pipeline.store.storage import Storage

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BandOfQuality:
    """What weights gain between two qualities."""

    from_quality: float
    to_quality: float
    percent: float
    """Mean change of bits at equal PSNR; negative is smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What adapted weights made of the images that were held back, beside the weights before them: real payloads."""

    images: int
    """Held back, and compared."""
    percent: float
    """Mean change of bits at equal PSNR, over all qualities; negative is smaller."""
    bands: tuple[BandOfQuality, ...]
    worst_key: str | None
    """The image that gains least."""
    worst_percent: float
    weights_bytes: int
    """What the weights add to the archive."""
    pays_back_after_bytes: int | None
    """Bytes of payloads, with the weights before, after which that is saved; None where nothing is."""

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Self:
        """Undo `asdict`; fields that a later release added are left out."""
        bands = tuple(BandOfQuality(**_fields_of(BandOfQuality, band)) for band in said["bands"])
        return cls(**{**_fields_of(cls, said), "bands": bands})


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationRecord:
    """What came of one adaptation."""

    adaptation: str
    """Its id: when it began, and six random digits."""
    ended_at: str
    """UTC, ISO 8601, to the microsecond: the newest counts."""
    codec: str
    accepted: bool
    reason: str
    """Why, or why not, in a sentence."""
    weights_before: tuple[str, ...]
    """Digests of the weights that the archive encoded with, hexadecimal."""
    weights: tuple[str, ...]
    """Digests of those that it encodes with from here on; where there are several, each image takes one of them."""
    listed_images: int
    """In the source."""
    listed_bytes: int
    """Of their files."""
    learned_from: int
    """Images that were trained on."""
    seconds: float
    """Of training."""
    steps: int
    evidence: Evidence | None
    """None where it did not come to a comparison."""

    @property
    def encodes_with(self) -> tuple[bytes, ...]:
        """The digests of `weights`."""
        return tuple(bytes.fromhex(digest) for digest in self.weights)


def write_adaptation(archive: Storage, record: AdaptationRecord) -> str:
    """Put a record into the archive: from here on it counts. Returns its path."""
    text = json.dumps({"format": _FORMAT, **asdict(record)}, indent=2, ensure_ascii=False) + "\n"
    path = adaptation_path(datetime.fromisoformat(record.ended_at), text.encode())
    archive.create(path, text.encode())
    return path


def without_weights(record: AdaptationRecord, adaptation: str) -> AdaptationRecord:
    """The record that follows one whose weights are lost: the archive encodes with the shipped ones again."""
    return replace(
        record,
        adaptation=adaptation,
        ended_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        reason=f"the weights that {record.adaptation} had learned are lost",
        weights_before=record.weights,
        weights=(),
        evidence=None,
    )


def adaptations(archive: Storage) -> Iterator[AdaptationRecord]:
    """All records that are whole, the newest first; each is read when it is asked for."""
    for path in sorted(_paths(archive), reverse=True):
        record = _read(archive, path)
        if record is not None:
            yield record


def damaged_adaptations(archive: Storage) -> list[str]:
    """Paths of records whose bytes are not those that their names promise."""
    return [path for path in _paths(archive) if _read(archive, path) is None]


def current_adaptation(archive: Storage, codec: str) -> AdaptationRecord | None:
    """The record that says which weights the archive encodes with by a codec; None: those that ship with it."""
    return next((one for one in adaptations(archive) if one.accepted and one.codec == codec), None)


def current_adaptations(archive: Storage) -> dict[str, AdaptationRecord]:
    """The same for every codec that the archive has learned for."""
    current: dict[str, AdaptationRecord] = {}
    for record in adaptations(archive):
        if record.accepted:
            current.setdefault(record.codec, record)
    return current


def _paths(archive: Storage) -> list[str]:
    return [info.path for info in archive.list(ADAPTATIONS_FOLDER) if is_adaptation_path(info.path)]


def _read(archive: Storage, path: str) -> AdaptationRecord | None:
    data = archive.read(path)
    if not is_whole_adaptation(path, data):
        return None
    said = json.loads(data)
    evidence = said["evidence"]
    return AdaptationRecord(
        **{
            **_fields_of(AdaptationRecord, said),
            "weights_before": tuple(said["weights_before"]),
            "weights": tuple(said["weights"]),
            "evidence": None if evidence is None else Evidence.from_json(evidence),
        }
    )


def _fields_of(kind: type[Any], said: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in said.items() if name in names}
