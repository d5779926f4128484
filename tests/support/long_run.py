"""What only a long run tries whole: `make fuzz` and `make chaos` set TENFOLD_LONG=1; `make test` takes a few."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import Final, TypeVar

IS_LONG: Final = os.environ.get("TENFOLD_LONG") == "1"

T = TypeVar("T")


def few_of(things: Sequence[T], count: int) -> list[tuple[int, T]]:
    """So many with their numbers, the same each time, first and last among them; in a long run all."""
    if IS_LONG:
        return list(enumerate(things))
    between = random.Random(1).sample(range(1, len(things) - 1), count - 2)
    return [(number, things[number]) for number in (0, *sorted(between), len(things) - 1)]
