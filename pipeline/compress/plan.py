"""What a run would do, before it is done: the source's listing held against the catalogue. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pipeline.archive.catalogue import Catalogue
from pipeline.compress.delete_policy import missing_from_source
from pipeline.compress.known_images import CHECKSUM_COLUMNS, FAST_COLUMNS, Change, KnownImages
from pipeline.config import CompressConfig
from pipeline.encode.effort_cost import EffortCost, FewImages
from pipeline.errors import SourceError
from pipeline.events import Listener, StepAdvanced
from pipeline.source.notes import ListingNotes
from pipeline.source.source import Source
from pipeline.types import SourceImage

_TELL_EVERY = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCount:
    """Some images of the source."""

    images: int = 0
    bytes: int = 0
    """Of their files; one whose size a list does not tell counts 0."""

    def __add__(self, other: ImageCount) -> ImageCount:
        return ImageCount(images=self.images + other.images, bytes=self.bytes + other.bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressPlan:
    """What a run would find. Each image is in one of the counts."""

    new: ImageCount
    """The archive does not know their keys: they would be encoded."""
    changed: ImageCount
    """Another version than the archive's: they would be encoded."""
    displacing: ImageCount
    """Their keys are those of archived images from another URL, whose place they would take."""
    unchanged: ImageCount
    gone: ImageCount | None
    """Archived images of this source that it no longer lists; None where a list or a limit cannot tell."""
    archived: int | None
    """Images that the archive holds of this source, the gone ones included; None as for `gone`."""
    skipped: int
    """Objects below the source that are not named like images."""
    listing: ListingNotes
    """What else the listing found."""
    resumes: str | None
    """The interrupted run that would be finished first."""
    effort: EffortCost | None
    """What encoding would take; None without effort."""

    @property
    def to_encode(self) -> ImageCount:
        """What would be encoded."""
        return self.new + self.changed + self.displacing


def known_images(source: Source, catalogue: Catalogue, config: CompressConfig) -> KnownImages:
    """What a catalogue holds, to hold the listing of a source against it; nothing when all is to be encoded again."""
    if source.takes_known:
        return KnownImages()
    by_checksum = config.compare == "checksum"
    columns = CHECKSUM_COLUMNS if by_checksum else FAST_COLUMNS
    return KnownImages(
        (
            row
            for batch in catalogue.scan(columns)
            for row in zip(*(batch[name].to_pylist() for name in columns), strict=True)
        ),
        read=source.read if by_checksum else None,
    )


def plan_run(
    source: Source,
    images: Iterable[SourceImage],
    catalogue: Catalogue,
    config: CompressConfig,
    *,
    resumes: str | None,
    effort: EffortCost | None,
    listen: Listener,
) -> CompressPlan:
    """List a source to its end.

    Args:
        images: what `source` lists.
        catalogue: of an archive that need not exist.
        resumes: the interrupted run that would be finished first.
        effort: what it costs here; None without any.
    Raises:
        SourceError, StorageError, ArchiveError: the source or the catalogue cannot be read.
    """
    exists = catalogue.exists()
    known = known_images(source, catalogue, config) if exists else KnownImages()
    counts: dict[Change, ImageCount] = {}
    few = FewImages()
    done = 0
    for done, (image, change) in enumerate(known.changes(images), 1):
        known.see(image.key)
        if effort is not None and change != "unchanged":
            few.show(image)
        counts[change] = counts.get(change, ImageCount()) + ImageCount(images=1, bytes=image.size or 0)
        if done % _TELL_EVERY == 0:
            listen(StepAdvanced(words="images listed", done=done))
    listen(StepAdvanced(words="images listed", done=done))
    gone, archived = _gone(source, catalogue, known) if exists else (ImageCount(), 0)
    plan = CompressPlan(
        new=counts.get("new", ImageCount()),
        changed=counts.get("changed", ImageCount()),
        displacing=counts.get("displacing", ImageCount()),
        unchanged=counts.get("unchanged", ImageCount()),
        gone=gone,
        archived=archived,
        skipped=source.notes.skipped,
        listing=source.notes,
        resumes=resumes,
        effort=effort,
    )
    if effort is None:
        return plan
    megapixels = few.mean_megapixels(source.read) * plan.to_encode.images
    return replace(plan, effort=replace(effort, megapixels=megapixels))


def _gone(
    source: Source, catalogue: Catalogue, known: KnownImages
) -> tuple[ImageCount, int] | tuple[None, None]:
    """What is gone, of how many archived images of the source."""
    try:
        missing = missing_from_source(catalogue, source, known)
    except SourceError:  # a part of a source does not tell what is no longer in it
        return None, None
    return ImageCount(images=missing.rows.num_rows, bytes=missing.source_bytes), missing.archived
