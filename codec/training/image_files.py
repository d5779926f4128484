"""Image files on their way into memory: taken in turns from where they lie, decoded ahead, in a fixed order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from codec.contract import RGB
from codec.cpus import usable_cpus

_OPEN_AT_ONCE: Final = 16
ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageFile:
    """An image that can be read."""

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadImage:
    """An image that was read, or the reason, for a person, why not."""

    name: str
    content: RGB | str


def decode_ahead(
    files: Iterable[ImageFile | ReadImage],
    decode: Callable[[ImageFile], ReadImage],
    *,
    threads: int | None = None,
) -> Iterator[ReadImage]:
    """Decode in threads, a little ahead of who asks; what comes out keeps its order."""
    count = threads or min(16, usable_cpus())
    pool = ThreadPoolExecutor(count, thread_name_prefix="training-images")
    waiting: deque[Future[ReadImage] | ReadImage] = deque()
    try:
        for file in files:
            waiting.append(file if isinstance(file, ReadImage) else pool.submit(decode, file))
            if len(waiting) > count:
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def take_turns(groups: Iterable[Iterator[ItemT]]) -> Iterator[ItemT]:
    """One of each group in turn, so that a cut leaves some of each; no more than a few groups are open at once."""
    waiting = iter(groups)
    taking: deque[Iterator[ItemT]] = deque()
    while True:
        while len(taking) < _OPEN_AT_ONCE and (group := next(waiting, None)) is not None:
            taking.append(group)
        if not taking:
            return
        group = taking.popleft()
        try:
            item = next(group)
        except StopIteration:
            continue
        taking.append(group)
        yield item


def sample(items: Iterable[ItemT], count: int, *, seed: int) -> tuple[list[ItemT], int]:
    """At most `count` of a stream's items, each with the same chance, in random order; and how many there were."""
    rng = np.random.default_rng(seed)
    kept: list[ItemT] = []
    seen = 0
    for seen, item in enumerate(items, 1):
        if len(kept) < count:
            kept.append(item)
        elif (place := int(rng.integers(seen))) < count:
            kept[place] = item
    return [kept[place] for place in rng.permutation(len(kept))], seen


def _result(item: Future[ReadImage] | ReadImage) -> ReadImage:
    return item if isinstance(item, ReadImage) else item.result()
