"""Images that an archive held and lost, sorted into runs that take them from their sources again.

A kept image is kept again: its file is what the archive held; a lossless one is stored without loss again. A coded
one is coded as its row says, with its own codec and quality: a target such as `--ratio` was met by thousands of images
together, and a handful of them, made to meet it by themselves, would come out unlike what they were. Floors, weights
and limits are those of the run that made the row.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from codec.bitstream import HEAD_BYTES
from codec.payload_head import weights_digest
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import weights_path
from pipeline.archive.lost_reason import lost_reason
from pipeline.archive.weights import archived_digests
from pipeline.compress.archived_images import lost_images
from pipeline.compress.run_record import recorded_config, told_as
from pipeline.config import CodecConfig, CompressConfig
from pipeline.errors import ArchiveError
from pipeline.repair.summary import LostImage
from pipeline.source.original import read_or_reason
from pipeline.source.source import Source
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, Prior, SourceImage

_READS = 8
_SIBLINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReencodeBatch:
    """Lost images that one run can take: all under the same settings."""

    config: CompressConfig
    images: tuple[SourceImage, ...]


def reencode_batches(
    archive: Storage, lost_rows: Sequence[CatalogueRow], settings: CompressConfig
) -> list[ReencodeBatch]:
    """Sort lost rows into runs.

    Args:
        settings: where and with which workers; when they say something about the codec, that counts instead of what
            the rows and their runs say.
    """
    is_codec_given = settings.codec != CodecConfig()
    then: dict[str, CompressConfig] = {}
    groups: dict[CompressConfig, list[SourceImage]] = {}
    for row in lost_rows:
        if row.run not in then:
            then[row.run] = settings if is_codec_given else _settings_then(archive, row.run, settings)
        config = then[row.run]
        if row.status == "bounded" and config.max_error is None:
            config = config.model_copy(update={"max_error": row.max_error, "lossless": "auto"})
        if row.status == "kept":  # whatever its run was told: none of it counts for original bytes
            config = config.model_copy(update={"codec": CodecConfig(id=config.codec.id)})
        elif not is_codec_given and row.codec is not None and row.codec != config.codec.id:
            config = config.model_copy(update={"codec": CodecConfig(id=row.codec)})
        groups.setdefault(config, []).append(_image(row, own_quality=not is_codec_given))
    return [ReencodeBatch(config=config, images=tuple(images)) for config, images in groups.items()]


def unavailable(archive: Storage, batch: ReencodeBatch) -> Iterator[LostImage]:
    """The images that no source file could bring back now; every source file is read."""
    source = Source(lost_images(archive, batch.config.reading, ()).config)
    with ThreadPoolExecutor(_READS, thread_name_prefix="look") as pool:
        for start in range(0, len(batch.images), _READS):
            part = batch.images[start : start + _READS]
            found = pool.map(lambda image: read_or_reason(source.read, image), part)
            for image, data in zip(part, found, strict=True):
                if isinstance(data, str):
                    shard = image.prior.shard or ""
                    yield LostImage(key=image.key, reason=lost_reason(data, shard), lost_shard=shard)


def _image(row: CatalogueRow, *, own_quality: bool) -> SourceImage:
    return SourceImage(
        key=row.key,
        url=row.source_url,
        size=row.source_size,
        etag=row.source_etag,
        mtime=row.source_mtime,
        prior=Prior(
            shard=row.shard,
            sha256=row.source_sha256,
            quality=row.quality if own_quality and row.status == "coded" else None,
            kept=(row.reason or "kept as it was") if row.status == "kept" else None,
            lossless=(row.reason or "stored without loss") if row.status == "lossless" else None,
        ),
    )


def _settings_then(archive: Storage, run: str, settings: CompressConfig) -> CompressConfig:
    """What a run was told, less the rate: every row has its own. Defaults when its record is gone."""
    try:
        then = recorded_config(archive, run)
    except ArchiveError:
        return settings
    codec = then.codec.model_copy(update={"quality": None, "ratio": None, "bpp": None})
    if codec.weights is not None:
        codec = codec.model_copy(update={"weights": _archived_weights(archive, run) or codec.weights})
    return told_as(settings, then).model_copy(update={"codec": codec})


def _archived_weights(archive: Storage, run: str) -> str | None:
    """The archive's copy of the weights of a run: the file that the run was given may have changed, or gone."""
    digests = archived_digests(archive)
    columns = ("shard", "payload_offset", "payload_length")
    batches = Catalogue(archive).of_run(run, columns, status="coded")
    rows = (row for batch in batches for row in batch.to_pylist())
    for row in itertools.islice(rows, _SIBLINGS):
        try:
            length = min(row["payload_length"], HEAD_BYTES)
            head = archive.read_range(row["shard"], row["payload_offset"], length)
        except OSError:
            continue
        digest = weights_digest(head)
        if digest is not None and digest in digests:
            return f"{archive.url}/{weights_path(digest)}"
    return None
