"""What a run would do, before it is done: the source's listing held against the catalogue. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.compress.changed_sidecars import with_changed_sidecars
from pipeline.compress.comparison import (
    CHECKSUM_COLUMNS,
    HELD_COLUMNS,
    SORTED,
    SOURCE_CHANGES,
    ListingComparison,
)
from pipeline.compress.delete_policy import missing_from_source
from pipeline.config import CompressConfig
from pipeline.encode.effort_cost import EffortCost, FewImages
from pipeline.encode.sidecar_files import SidecarFiles
from pipeline.errors import SourceError
from pipeline.events import Listener, StepAdvanced
from pipeline.source.listing import images_of
from pipeline.source.notes import ListingNotes
from pipeline.source.source import Source


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
    remapped: ImageCount
    """Their importance maps or texts are others than those that they were encoded by, or came or went: they would be
    encoded."""
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
        return self.new + self.changed + self.displacing + self.remapped


def compare(
    source: Source, listing: Iterable[pa.RecordBatch], catalogue: Catalogue, config: CompressConfig
) -> ListingComparison:
    """Hold the listing of a source against a catalogue; against nothing when all is to be encoded again.

    Where images follow files beside them, these are listed once, when the comparison begins.

    Args:
        listing: batches that the source gives.
        catalogue: of an archive that need not exist.
    """
    by_checksum, sidecars = config.compare == "checksum", config.codec.sidecars

    def note(column: str, why: str) -> None:
        if column == "importance":
            source.notes.maps_unlisted = why
        else:
            source.notes.texts_unlisted = why

    def held() -> Iterable[pa.RecordBatch]:
        if source.takes_unchanged or not catalogue.exists():
            return ()
        rows = catalogue.in_key_order(CHECKSUM_COLUMNS if by_checksum else HELD_COLUMNS)
        for column, template in sidecars.items():
            files = SidecarFiles(template, config.reading)
            rows = with_changed_sidecars(rows, catalogue, column, files, unknown=partial(note, column))
        return rows

    return ListingComparison(listing, held, read=source.read if by_checksum else None)


def plan_run(
    source: Source,
    listing: Iterable[pa.RecordBatch],
    catalogue: Catalogue,
    config: CompressConfig,
    *,
    resumes: str | None,
    effort: EffortCost | None,
    show: Callable[[pa.RecordBatch], None] | None,
    listen: Listener,
) -> CompressPlan:
    """List a source to its end.

    Args:
        listing: batches that the source gives.
        catalogue: of an archive that need not exist.
        resumes: the interrupted run that would be finished first.
        effort: what it costs here; None without any.
        show: is handed the images that would be encoded.
    Raises:
        SourceError, StorageError, ArchiveError: the source or the catalogue cannot be read.
    """
    comparison = compare(source, listing, catalogue, config)
    counts = dict.fromkeys(SOURCE_CHANGES, ImageCount())
    few = FewImages()
    listed = 0
    for compared in comparison.compared(sorting=lambda done: listen(StepAdvanced(words=SORTED, done=done))):
        for change in SOURCE_CHANGES:
            counts[change] += _counted(compared.of(change))
        if show is not None:
            show(compared.to_take())
        if effort is not None:
            for image in images_of(compared.to_take()):
                few.show(image)
        listed += len(compared.batch)
        listen(StepAdvanced(words="images listed", done=listed))
    gone, archived = _gone(source, comparison)
    plan = CompressPlan(
        new=counts["new"],
        changed=counts["changed"],
        displacing=counts["displacing"],
        remapped=counts["remapped"],
        unchanged=counts["unchanged"],
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


def _counted(batch: pa.RecordBatch) -> ImageCount:
    return ImageCount(images=len(batch), bytes=pc.sum(batch["size"]).as_py() or 0)


def _gone(source: Source, comparison: ListingComparison) -> tuple[ImageCount, int] | tuple[None, None]:
    """What is gone, of how many archived images of the source."""
    try:
        missing = missing_from_source(source, comparison)
    except SourceError:  # a part of a source does not tell what is no longer in it
        return None, None
    return ImageCount(images=missing.rows.num_rows, bytes=missing.source_bytes), missing.archived
