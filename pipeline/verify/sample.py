"""Which shards are looked into, and which of their images are decoded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.rows_by_shard import ShardContent
from pipeline.events import ImagesFinished, Listener
from pipeline.verify.tasks import Thoroughness, VerifyTask
from pipeline.workers.workload import Workload

_MANY_IMAGES: Final = 10_000
"""Of more, nobody adds up the pixels to see whether they are few."""


class VerifySample:
    """A share of the shards (checksum) or images (decode) of an archive; with level structure, all shards. Use once."""

    def __init__(self, level: Thoroughness, *, share: float, seed: int) -> None:
        """Draw nothing yet."""
        self._level: Thoroughness = level
        self._share = share
        self._chance = np.random.default_rng(seed)

    def workload(self, catalogue: Catalogue, shard_bytes: int) -> Workload | None:
        """How much work it is; None for much."""
        if self._level != "decode":
            return Workload.of_shards(shard_bytes)
        if catalogue.count() > _MANY_IMAGES:
            return None
        rows = catalogue.table(("width", "height"))
        pixels = pc.sum(pc.multiply(rows["width"], rows["height"])).as_py() or 0
        images = math.ceil(self._share * rows.num_rows)
        return Workload(images=images, megapixels=self._share * pixels / 1e6)

    def tasks(
        self, catalogue: Catalogue, contents: Sequence[ShardContent], *, are_all: bool, listen: Listener
    ) -> Iterator[VerifyTask]:
        """One for every shard that is to be looked into.

        Args:
            contents: the shards that are there.
            are_all: whether the catalogue names no others.
            listen: told of images that are left out.
        """
        if self._level == "structure":
            yield from (VerifyTask(content=content, level=self._level) for content in contents)
            return
        drawn = self._drawn(contents)
        left_out = sum(content.images for content in contents if content.shard not in drawn)
        listen(ImagesFinished(images=left_out))
        content_of = {content.shard: content for content in contents}
        is_whole = are_all and len(drawn) == len(contents)
        for shard, rows in catalogue.by_shard(None if is_whole else drawn):
            decode: tuple[int, ...] = ()
            if self._level == "decode":
                stored = rows.filter(pc.not_equal(rows["status"], "failed"))["row"]
                decode = tuple(stored.filter(pa.array(drawn[shard])).to_pylist())
            yield VerifyTask(content=content_of[shard], level=self._level, rows=rows, decode=decode)

    def _drawn(self, contents: Sequence[ShardContent]) -> dict[str, npt.NDArray[np.bool_]]:
        """The shards of the sample; with level decode, which of the stored images of each are in it."""
        if self._level == "decode":
            ends = np.cumsum([content.stored for content in contents], dtype=np.int64)
            taken = np.split(self._taken(int(ends[-1]) if len(ends) else 0), ends)
        else:
            taken = list(self._taken(len(contents)).reshape(-1, 1))
        return {
            content.shard: mask
            for content, mask in zip(contents, taken, strict=False)
            if mask.any() or self._share >= 1.0
        }

    def _taken(self, count: int) -> npt.NDArray[np.bool_]:
        """For each of so many whether it is in the sample."""
        if self._share >= 1.0:
            return np.ones(count, bool)
        taken = np.zeros(count, bool)
        taken[self._chance.permutation(count)[: math.ceil(self._share * count)]] = True
        return taken
