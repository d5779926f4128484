"""The listing of a source that never was: any number of photographs, each described by its number alone."""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, overload

_PER_FOLDER: Final = 1000
_FIRST: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SMALLEST: Final = 50_000
_SIZES: Final = 10_007


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a listing says of a photograph."""

    size: int
    etag: str
    mtime: datetime


class Photographs(Sequence[str]):
    """Their names, in order, none of them held in memory."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> list[str]: ...
    def __getitem__(self, number: int | slice) -> str | list[str]:
        numbers = range(self._count)[number]
        return _name(numbers) if isinstance(numbers, int) else [_name(one) for one in numbers]

    def facts(self, number: int) -> Facts:
        """Size, ETag and time of one."""
        return Facts(
            size=_SMALLEST + number % _SIZES,
            etag=hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest(),
            mtime=_FIRST + timedelta(seconds=number),
        )

    def below(self, prefix: str, *, after: str = "") -> range:
        """The numbers of those whose names start so and come after a name."""
        start = max(bisect_left(self, prefix), bisect_right(self, after))
        return range(start, bisect_left(self, prefix + chr(0x10FFFF)))

    def make(self, folder: Path) -> None:
        """Make files of these names, sizes and times that take no room: holes, which hold no picture."""
        made: set[Path] = set()
        for number, name in enumerate(self):
            path = folder / name
            if path.parent not in made:
                path.parent.mkdir(parents=True)
                made.add(path.parent)
            facts = self.facts(number)
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
            try:
                os.truncate(descriptor, facts.size)
                os.utime(descriptor, (facts.mtime.timestamp(),) * 2)
            finally:
                os.close(descriptor)

    def __iter__(self) -> Iterator[str]:
        return map(_name, range(self._count))


def _name(number: int) -> str:
    return f"{number // _PER_FOLDER:06d}/{number:09d}.jpg"
