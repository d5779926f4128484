"""What is left of a planned decode: all of it at first, and less after a run that was stopped or killed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

from pipeline.decode.file_form import FileForm
from pipeline.decode.job_record import NOTHING_TO_DECODE, JobRecord, PlanHead, by_task
from pipeline.decode.plan import files_there
from pipeline.decode.planner import tasks_in
from pipeline.decode.tasks import DecodeTask, Delivered, WantedImage
from pipeline.store.backend import ObjectInfo
from pipeline.store.name_limits import limits_of
from pipeline.store.storage import Storage
from pipeline.store.urls import has_text_name


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOver:
    """A task without a result."""

    task: DecodeTask
    """All of it."""
    there: Sequence[Delivered] = ()
    """What a killed run wrote of it."""

    def to_do(self) -> DecodeTask:
        """The rest of it."""
        positions = {one.position for one in self.there}
        return replace(
            self.task, images=tuple(one for one in self.task.images if one.position not in positions)
        )


def images_left(record: JobRecord, head: PlanHead, finished: Set[int]) -> int:
    """How many images the tasks without a result have, those that a killed run wrote among them."""
    if not finished:
        return head.planned
    return sum(
        rows.num_rows
        for path in head.parts
        for number, rows in by_task(record.part(path))
        if number != NOTHING_TO_DECODE and number not in finished
    )


def tasks_left(
    record: JobRecord, head: PlanHead, finished: Set[int], *, form: FileForm, written_to: Storage | None
) -> Iterator[LeftOver]:
    """The tasks without a result, in the order of the plan.

    Args:
        finished: numbers of those that have one.
        form: of the images that are not asked for in a form of their own.
        written_to: where a killed run may have written files. None where there was none, or where images come in packs,
            which appear with all that is in them.
    """
    for path in head.parts:
        tasks = (task for task in tasks_in(record.part(path), form) if task.number not in finished)
        if written_to is None:
            yield from (LeftOver(task=task) for task in tasks)
        else:
            yield from _looked_at(list(tasks), written_to)


def _looked_at(tasks: Sequence[DecodeTask], destination: Storage) -> Iterator[LeftOver]:
    places = [image.places for task in tasks for image in task.images]
    files = files_there(places, destination, limits_of(destination.url))
    for task in tasks:
        found = [(image, next(files)) for image in task.images]
        there = [_delivered(image, file) for image, file in found if file is not None]
        yield LeftOver(task=task, there=there)


def _delivered(image: WantedImage, file: ObjectInfo) -> Delivered:
    is_own_name = file.path in {place.asked for place in image.places} and has_text_name(image.row.source_url)
    return Delivered(position=image.position, path=file.path, num_bytes=file.size, is_renamed=not is_own_name)
