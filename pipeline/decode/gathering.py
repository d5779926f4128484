"""Tasks come back in parts, where workers died on them or files were there: here they become whole again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.decode.tasks import DecodeResult, DecodeTask, Delivered


class Gathering:
    """What is known so far of each task that is under way."""

    def __init__(self) -> None:
        """No task is."""
        self._open: dict[int, _Open] = {}

    def begin(self, task: DecodeTask, there: Sequence[Delivered] = ()) -> DecodeResult | None:
        """Expect all images of a planned task; those that are there need no worker.

        Returns:
            What became of the task, where nothing is left to do.
        """
        result = DecodeResult(delivered=tuple(there), failed=(), pixels=0)
        if len(there) == len(task.images):
            return result
        self._open[task.number] = _Open(images=len(task.images), result=result)
        return None

    def add(self, number: int, part: DecodeResult) -> DecodeResult | None:
        """Take what became of some images of a task, and return what became of all once that is known."""
        gathered = self._open[number]
        gathered.result = DecodeResult(
            delivered=gathered.result.delivered + part.delivered,
            failed=gathered.result.failed + part.failed,
            pixels=gathered.result.pixels + part.pixels,
        )
        if len(gathered.result.delivered) + len(gathered.result.failed) < gathered.images:
            return None
        return self._open.pop(number).result


@dataclass(slots=True, kw_only=True)
class _Open:
    images: int
    result: DecodeResult
