"""What an archive is, in one screen: images, bytes, codecs, runs, versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.archive.adaptations import current_adaptations
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import PREVIEWS_FOLDER
from pipeline.archive.payloads_once import payloads_once
from pipeline.info.holdings import Holdings, Objects
from pipeline.info.row_sums import COLUMNS, RowSums, StatusInfo
from pipeline.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsInfo:
    """A weights file of the archive."""

    name: str
    bytes: int
    images: int
    """Images whose payloads need it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveInfo:
    """What `tenfold info --json` prints."""

    archive: str
    format: int
    images: int
    by_status: dict[str, StatusInfo]
    damaged: int
    """Of the kept: files that are no sound images."""
    source_bytes: int
    """Of all files that are stored."""
    payload_bytes: int
    archive_bytes: int
    """Everything that lies there: payloads, metadata, catalogue of all versions, weights, records."""
    ratio: float | None
    """Source bytes over archive bytes."""
    ratio_of_payloads: float | None
    """Source bytes over payload bytes."""
    metadata_bytes: int
    """In the shards that the newest version needs, beside its payloads: EXIF, profiles, columns, footers, and what was
    replaced or dropped since."""
    previews: int
    """Images with a preview in their shard."""
    albums: int
    """Shards with an album: previews that were made later."""
    folders: dict[str, Objects]
    source_formats: dict[str, int]
    """Images by the format of their file."""
    codecs: dict[str, int]
    """Coded images."""
    weights: list[WeightsInfo]
    decoders: list[str]
    """Names of those that it keeps beside the faithful one."""
    learned: dict[str, str]
    """Codec -> the adaptation whose weights new images are encoded with."""
    runs: int
    interrupted_runs: int
    """Runs that began and did not end: they are under way, or wait to be gone on with."""
    first_run: str | None
    last_run: str | None
    version: int
    oldest_version: int
    """The first that can be read: `--as-of` shows it."""
    catalogue_files: int
    """Parquet files of the newest version."""
    catalogue_file_bytes: int
    older_versions: Objects
    """Shards and catalogue files that the newest version does not need: older ones may, or a killed run left them. What
    `tenfold prune` could free when it keeps the newest version alone."""


def read_info(archive: Storage) -> ArchiveInfo:
    """Look at the newest version, and at all that lies in the archive.

    Raises:
        NoArchiveError, ArchiveError, StorageError: there is none, or it cannot be read.
    """
    catalogue = Catalogue(archive)
    files = catalogue.files()
    held = Holdings.of(archive.list())
    rows = RowSums()
    for batch in payloads_once(catalogue, COLUMNS):
        rows.add(batch)
    stored = rows.by_status.values()
    source_bytes = sum(one.source_bytes for one in stored)
    payload_bytes = sum(one.payload_bytes for one in stored)
    archive_bytes = sum(objects.bytes for objects in held.folders.values())
    shard_bytes = sum(size for path, size in held.shards.items() if path in rows.shards)
    runs = sorted(held.began)
    return ArchiveInfo(
        archive=archive.url,
        format=catalogue.format(),
        images=sum(one.images for one in stored),
        by_status=rows.by_status,
        damaged=rows.damaged,
        source_bytes=source_bytes,
        payload_bytes=payload_bytes,
        archive_bytes=archive_bytes,
        ratio=source_bytes / archive_bytes if source_bytes and archive_bytes else None,
        ratio_of_payloads=source_bytes / payload_bytes if source_bytes and payload_bytes else None,
        metadata_bytes=shard_bytes - payload_bytes,
        previews=rows.previews,
        albums=held.folders.get(PREVIEWS_FOLDER, Objects()).count,
        folders=held.folders,
        source_formats=dict(rows.formats.most_common()),
        codecs=dict(rows.codecs.most_common()),
        weights=_weights(held.weights_files, rows.weights),
        decoders=sorted(held.decoders),
        learned={
            codec: record.adaptation
            for codec, record in current_adaptations(archive).items()
            if record.weights
        },
        runs=len(runs),
        interrupted_runs=len(held.began - held.ended),
        first_run=runs[0] if runs else None,
        last_run=runs[-1] if runs else None,
        version=catalogue.version(),
        oldest_version=held.oldest_version,
        catalogue_files=len(files),
        catalogue_file_bytes=sum(files.values()),
        older_versions=held.idle(rows.shards, files),
    )


def _weights(files: Mapping[str, int], images: Mapping[str, int]) -> list[WeightsInfo]:
    """The weights files, those that most images need first."""
    found = [
        WeightsInfo(name=name, bytes=size, images=images.get(name.partition(".")[0], 0))
        for name, size in ((path.rpartition("/")[2], size) for path, size in files.items())
    ]
    return sorted(found, key=lambda one: (-one.images, one.name))
