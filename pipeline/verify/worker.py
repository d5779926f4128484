"""The worker that looks into shards: is every byte what was written, and does it still become its image?

Plain Python; Ray only wraps it (ray_pool.py). It never changes anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from codec.errors import CodecError
from codec.metrics import psnr_db
from codec.weights_file import shipped_digests
from pipeline.archive.layout import weights_path
from pipeline.archive.schema import rows_of
from pipeline.archive.shards import check_frame, rows_in
from pipeline.archive.unreadable import unreadable_shard
from pipeline.archive.weights import archived_digests, weights_needed
from pipeline.decode.row_decoder import RowDecoder
from pipeline.errors import DamagedError, TenfoldError, UnreadableError
from pipeline.image.read import ReadLimits, to_rgb
from pipeline.packing.file_of import file_of
from pipeline.packing.grid_file import file_difference
from pipeline.packing.registry import FILE_PACKINGS, PIXEL_PACKINGS
from pipeline.source.original import original_file, original_of
from pipeline.source.source import Source
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, ShardRow
from pipeline.verify.damage import Problem, ShardDamage, read_shard, unreadable_rows
from pipeline.verify.tasks import VerifyResult, VerifyTask
from pipeline.workers.pool import Worker

PSNR_TOLERANCE_DB: Final = 0.1
"""Machines differ a little in what they decode: more than this is another image."""


class VerifyWorker(Worker[VerifyTask, VerifyResult]):
    """Holds the codecs it has met."""

    def __init__(self, archive: Storage, source: Source) -> None:
        """Take the archive, and what reads source files."""
        self._archive = archive
        self._source = source
        self._decoder = RowDecoder(archive)
        self._archived = frozenset(archived_digests(archive))
        self._shipped = shipped_digests()

    def run(self, task: VerifyTask) -> VerifyResult:
        """Look into one shard; whatever is wrong with it is in the result.

        Raises:
            StorageError: the store does not answer.
        """
        problems: list[Problem] = []
        read_bytes = decoded = compared = 0
        if task.rows is None:
            problems += self._frame(task)
        else:
            rows = rows_of(task.rows, CatalogueRow)
            data, damage = self._read(rows, task.shard)
            read_bytes = len(data)
            problems += damage.problems(task.shard, rows)
            if damage.damage is None:
                problems += self._missing_weights(task.shard, rows, data)
                problems += _unknown_packings(task.shard, rows)
            chosen = rows_in(data, task.shard, only=task.decode) if task.decode and not problems else ()
            for _, row in chosen:
                found = self._decoded(row)
                if isinstance(found, str):
                    problems.append(Problem(path=task.shard, key=row.key, problem=found))
                else:
                    decoded += 1
                    compared += found
        return VerifyResult(
            problems=tuple(problems),
            images=task.content.images,
            read_bytes=read_bytes,
            decoded=decoded,
            compared=compared,
        )

    def _read(self, rows: Sequence[CatalogueRow], shard: str) -> tuple[bytes, ShardDamage]:
        try:
            return read_shard(self._archive, rows, shard)
        except UnreadableError as error:
            return b"", unreadable_rows(rows, unreadable_shard(self._archive, shard, error))

    def _frame(self, task: VerifyTask) -> Iterator[Problem]:
        try:
            check_frame(self._archive, task.shard, task.content.end)
        except DamagedError as error:
            yield Problem(path=task.shard, key=None, problem=str(error))

    def _missing_weights(self, shard: str, rows: Sequence[CatalogueRow], data: bytes) -> Iterator[Problem]:
        """Weights that the payloads of a shard need, and the archive has not."""
        needed = {named for _, named in weights_needed(rows, data)}
        for digest in needed - self._archived:
            if digest is None:
                words = (
                    "Expected payloads of a kind that this release knows, got others: a newer one reads them."
                )
                yield Problem(path=shard, key=None, problem=words)
            elif digest not in self._shipped:
                words = (
                    "It needs weights that are not in the archive's codec/ and do not ship with this release: "
                    f"{digest.hex()}. Copy them back from a backup."
                )
                yield Problem(path=shard, key=None, problem=words)
            else:
                words = "Expected the weights of its payloads, got nothing there. This release ships them."
                yield Problem(path=weights_path(digest), key=None, problem=words)

    def _decoded(self, row: ShardRow) -> bool | str:
        """Whether the image was also compared with its source; what is wrong where something is."""
        try:
            if row.status == "kept":
                return self._kept(row)
            if row.status == "bounded":
                return self._bounded(row)
            image = self._decoder.decode([row])[0]
        except (TenfoldError, CodecError) as error:
            return str(error)
        original = original_of(row, self._source.read, limits=ReadLimits())
        if isinstance(original, str):
            return False
        if row.status == "lossless" and not np.array_equal(original[1].pixels, image.pixels):
            return f"Expected the very pixels of {row.source_url}, got others."
        found = psnr_db(to_rgb(original[1]), to_rgb(image))
        expected = math.inf if row.psnr_db is None else row.psnr_db
        if found < expected - PSNR_TOLERANCE_DB:
            return f"Expected it to decode at {expected:.2f} dB PSNR against {row.source_url}, got {found:.2f} dB."
        return True

    def _kept(self, row: ShardRow) -> bool | str:
        """As `_decoded`, of a file that is there as it was."""
        file, original = file_of(row), original_file(row, self._source.read)
        if isinstance(original, str):
            return False
        return True if file == original else f"Expected the very bytes of {row.source_url}, got others."

    def _bounded(self, row: ShardRow) -> bool | str:
        """As `_decoded`, of a file whose samples are not far from what they were."""
        file, original = file_of(row), original_file(row, self._source.read)
        if isinstance(original, str):
            return False
        found = file_difference(original, file)
        if found is None or row.max_error is None or found > row.max_error:
            got = "other bytes around them" if found is None else f"{found:g}"
            return f"Expected samples at most {row.max_error} off those of {row.source_url}, got {got}."
        return True


def _unknown_packings(shard: str, rows: Sequence[CatalogueRow]) -> Iterator[Problem]:
    """Packings that only a newer release unpacks: what is packed so is whole, and cannot be looked at here."""
    named = {row.packing for row in rows if row.packing is not None}
    for packing in sorted(named - FILE_PACKINGS.keys() - PIXEL_PACKINGS.keys()):
        words = f"Expected packings that this release knows, got {packing!r}: a newer one reads it."
        yield Problem(path=shard, key=None, problem=words)
