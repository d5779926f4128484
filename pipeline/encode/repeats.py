"""Files of a unit that are byte for byte like an earlier one: they are encoded once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass

from pipeline.encode.publish import TimedRow
from pipeline.encode.rate_control import RateControl
from pipeline.encode.types import Coded, Fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedSize:
    """What a rate control is told of a coded image."""

    num_pixels: int
    num_bytes: int
    quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstOne:
    """The first of several equal files."""

    row: Future[TimedRow]
    coded: CodedSize | None
    """None when it was not coded."""

    @classmethod
    def of(cls, row: Future[TimedRow], outcome: Coded | str | None) -> FirstOne:
        """From what came of it."""
        if not isinstance(outcome, Coded):
            return cls(row=row, coded=None)
        pixels = outcome.image.width * outcome.image.height
        size = CodedSize(num_pixels=pixels, num_bytes=outcome.num_bytes, quality=outcome.quality)
        return cls(row=row, coded=size)

    def tell(self, rate_control: RateControl, key: str) -> None:
        """Count one more that is stored likewise."""
        if self.coded is None:
            rate_control.not_coded(key)
        else:
            coded = self.coded
            rate_control.coded(
                key, num_pixels=coded.num_pixels, num_bytes=coded.num_bytes, quality=coded.quality
            )


class Repeats:
    """Remembers the files met last, as many as a shard holds: only there their payload can be shared."""

    def __init__(self, most_bytes: int) -> None:
        """Remember nothing yet; `most_bytes` bounds the source bytes of what is remembered."""
        self._most_bytes = most_bytes
        self._held = 0
        self._firsts: OrderedDict[Hashable, tuple[int, FirstOne]] = OrderedDict()

    def first_of(self, identity: Hashable) -> FirstOne | None:
        """The earlier file that this one is like, told and stored alike."""
        found = self._firsts.get(identity) if identity is not None else None
        return None if found is None else found[1]

    def remember(self, identity: Hashable, num_bytes: int, first: FirstOne) -> None:
        """A file that was not met before."""
        if identity is None or num_bytes > self._most_bytes or identity in self._firsts:
            return
        self._firsts[identity] = (num_bytes, first)
        self._held += num_bytes
        while self._held > self._most_bytes:
            _, (freed, _) = self._firsts.popitem(last=False)
            self._held -= freed


def identity_of(fetched: Fetched, max_error: float | None) -> Hashable:
    """What two images share of which one row tells all but the source; None for one that could not be read."""
    if fetched.data is None or isinstance(fetched.content, str):
        return None
    prior = fetched.source.prior
    settings = (
        *(prior.quality, prior.kept, prior.lossless),
        *(fetched.exact, max_error, fetched.beside.identity),
    )
    return hashlib.sha256(fetched.data).digest(), *settings
