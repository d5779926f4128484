"""Files of which no two may have one key, where nothing else says that they have not: a table, or tars among files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pipeline.errors import SourceError
from pipeline.source.found import Found


def each_key_once(files: Iterator[Found], where: str) -> Iterator[Found]:
    """The same files, seen through in eight bytes a file.

    Args:
        where: they were named, for messages.
    Raises:
        SourceError: a key comes again.
    """
    seen = _Seen()
    for found in files:
        again = seen.first_again(found.keys)
        if again is not None:
            raise SourceError(
                f"Expected each key once in {where}, got {again!r} again; an inventory may name no older versions, and "
                "no file be called like a member of a tar."
            )
        yield found


class _Seen:
    """Hashes of keys, in sorted arrays each of which is more than twice as long as the next."""

    def __init__(self) -> None:
        self._arrays: list[npt.NDArray[np.int64]] = []

    def first_again(self, keys: Sequence[str]) -> str | None:
        """The first of some keys that was seen before; after that all count as seen."""
        hashes = np.fromiter(map(hash, keys), np.int64, len(keys))
        ordered = np.sort(hashes)
        twice = {*ordered[1:][ordered[1:] == ordered[:-1]].tolist()}
        for array in self._arrays:
            places = np.searchsorted(array, ordered)
            twice.update(ordered[array[np.minimum(places, len(array) - 1)] == ordered].tolist())
        while self._arrays and len(self._arrays[-1]) <= 2 * len(ordered):
            ordered = np.sort(np.concatenate([self._arrays.pop(), ordered]))
        if len(ordered):
            self._arrays.append(ordered)
        return next((key for key, value in zip(keys, hashes.tolist(), strict=True) if value in twice), None)
