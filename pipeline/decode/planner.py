"""The plan of a decode: what is asked for, the names of what will be written, and the tasks, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.schema import rows_of
from pipeline.decode.destination import check_no_archive
from pipeline.decode.file_form import FileForm
from pipeline.decode.job_record import (
    NOTHING_TO_DECODE,
    PLACE_TYPE,
    PLAN_SCHEMA,
    JobRecord,
    PlanHead,
    by_task,
)
from pipeline.decode.naming import FileNames, rivals_of
from pipeline.decode.options import DecodeOptions
from pipeline.decode.originals import Originals
from pipeline.decode.plan import PlannedImage, plan_images, settle_existing
from pipeline.decode.selection import blocks_of
from pipeline.decode.tasks import DecodeTask, FilePlace, WantedImage
from pipeline.decode.view_size import Region, fitted
from pipeline.store.name_limits import limits_of
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow

_IMAGES_PER_TASK: Final = 512
_PIXELS_PER_TASK: Final = 128_000_000
_BYTES_PER_TASK: Final = 256_000_000
"""Of payloads. A pack holds no more, and no more is done again for each worker of a job that was killed."""
_UNKNOWN: Final = "the archive holds no image under this key"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodePlanner:
    """Plans one decode."""

    archive: Storage
    destination: Storage
    catalogue: Catalogue
    """At the version that is decoded."""
    versions: Sequence[Catalogue]
    """That tell which files are originals."""
    options: DecodeOptions

    def plan(self, record: JobRecord, asked: dict[str, Any]) -> PlanHead:
        """Plan all that is asked for; nothing is written but the record.

        Raises:
            RestoreError: there are files that must not be written over, or an archive.
            UnknownKeyError, ConfigError, ArchiveError: as `blocks_of`.
        """
        head = PlanHead(
            job=record.job, archive=self.archive.url, version=self.catalogue.version(), asked=asked
        )
        check_no_archive(self.archive, self.destination, [""])
        for number, block in enumerate(blocks_of(self.catalogue, self.options.selection)):
            is_stored = pc.fill_null(pc.not_equal(block["status"], "failed"), False)
            stored = self._with_size(block.filter(is_stored))
            rows = self._with_places(stored)
            pixels = _pixels(rows)
            tasks = _tasks_of(pixels, rows["payload_length"].to_pylist(), first=head.tasks)
            rows = rows.append_column("task", pa.array(tasks, pa.int64()))
            head = replace(
                head,
                tasks=tasks[-1] + 1 if tasks else head.tasks,
                selected=head.selected + block.num_rows,
                planned=head.planned + rows.num_rows,
                existing=head.existing + stored.num_rows - rows.num_rows,
                without_payload=head.without_payload + block.num_rows - stored.num_rows,
                megapixels=head.megapixels + sum(pixels) / 1e6,
            )
            if self.options.selection.requests is not None:
                rows = pa.concat_tables([rows, _without_task(block.filter(pc.invert(is_stored)))])
            head = replace(head, parts=(*head.parts, record.store_part(number, rows)))
        return head

    def _with_size(self, rows: pa.Table) -> pa.Table:
        if self.options.size is None:
            return rows
        at = rows.schema.get_field_index("size")
        return rows.set_column(at, rows.schema.field(at), pc.fill_null(rows["size"], self.options.size))

    def _with_places(self, stored: pa.Table) -> pa.Table:
        """Those of a block that are to be written, with their places."""
        limits = limits_of(self.destination.url)
        rivals = self.catalogue.of_keys(rivals_of(stored["key"].to_pylist()), ["key"])
        names = FileNames(
            (key for batch in rivals for key in batch["key"].to_pylist()), limits, self.options.form.names
        )
        planned = plan_images(stored, names, self.options.form)
        if self.options.to == "files":
            planned = settle_existing(
                planned,
                self.archive,
                self.destination,
                limits,
                existing=self.options.existing,
                originals=lambda: Originals(self.versions),
            )
        return _placed(
            stored.take(pa.array([one.number for one in planned], pa.int64())), planned, self.options.form
        )


def tasks_in(part: pa.Table, form: FileForm) -> Iterator[DecodeTask]:
    """The tasks of a part of a plan, in their order.

    Args:
        form: of the images that are not asked for in a form of their own.
    """
    for number, rows in by_task(part):
        if number != NOTHING_TO_DECODE:
            yield DecodeTask(number=number, images=tuple(_wanted(rows, form)))


def _wanted(rows: pa.Table, form: FileForm) -> Iterator[WantedImage]:
    columns = (rows[name].to_pylist() for name in ("places", "format", "name", "size", "region", "decoder"))
    found = zip(rows_of(rows, CatalogueRow), *columns, strict=True)
    for position, (row, places, fmt, name, size, region, decoder) in enumerate(found):
        yield WantedImage(
            position=position,
            row=row,
            form=form.of(fmt),
            places=tuple(FilePlace(**place) for place in places),
            name=name,
            size=size,
            region=region and tuple(region),
            decoder=decoder,
        )


def _placed(rows: pa.Table, planned: Sequence[PlannedImage], form: FileForm) -> pa.Table:
    formats = [None if one.form is form else one.form.fmt for one in planned]
    places = [
        [(place.fmt, place.asked, place.path, place.replaces) for place in one.places] for one in planned
    ]
    at = rows.schema.get_field_index("format")
    return rows.set_column(at, rows.schema.field(at), pa.array(formats, pa.string())).append_column(
        PLAN_SCHEMA.field("places"), pa.array(places, pa.list_(PLACE_TYPE))
    )


def _without_task(rows: pa.Table) -> pa.Table:
    """Requested images that cannot come, each with its `reason`."""
    reasons = [
        _UNKNOWN if status is None else f"it failed when the archive was made: {reason}"
        for status, reason in zip(rows["status"].to_pylist(), rows["reason"].to_pylist(), strict=True)
    ]
    at = rows.schema.get_field_index("reason")
    rows = rows.set_column(at, rows.schema.field(at), pa.array(reasons, pa.string()))
    nothing = pa.nulls(rows.num_rows, pa.list_(PLACE_TYPE))
    task = pa.array([NOTHING_TO_DECODE] * rows.num_rows, pa.int64())
    return pa.Table.from_arrays([*rows.columns, nothing, task], schema=PLAN_SCHEMA)


def _tasks_of(pixels: Sequence[int], sizes: Sequence[int | None], *, first: int) -> list[int]:
    """The number of each image's task: a task takes images as they come, until it holds enough of them.

    Args:
        pixels: of what is to be shown of each image.
        sizes: of their payloads, in bytes.
        first: the number of the first task.
    """
    tasks: list[int] = []
    number, images, held_pixels, held_bytes = first, 0, 0, 0
    for its_pixels, size in zip(pixels, sizes, strict=True):
        its_bytes = size or 0
        images, held_pixels, held_bytes = images + 1, held_pixels + its_pixels, held_bytes + its_bytes
        is_over = images > _IMAGES_PER_TASK or held_pixels > _PIXELS_PER_TASK or held_bytes > _BYTES_PER_TASK
        if is_over and images > 1:
            number, images, held_pixels, held_bytes = number + 1, 1, its_pixels, its_bytes
        tasks.append(number)
    return tasks


def _pixels(rows: pa.Table) -> list[int]:
    """Of what is to be shown of each image; 0 where that is not known."""
    columns = (rows[name].to_pylist() for name in ("width", "height", "size", "region"))
    return list(map(_pixels_shown, *columns))


def _pixels_shown(width: int | None, height: int | None, size: int | None, region: Region | None) -> int:
    across, down = (width or 0, height or 0) if region is None else region[2:]
    if size is not None and across and down:
        across, down = fitted(across, down, size)
    return across * down
