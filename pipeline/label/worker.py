"""The worker that labels images. Plain Python; Ray only wraps it (ray_pool.py)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codec.errors import CodecError, NoHeadError, UnknownCodecError
from pipeline.archive.labels import ShardLabels, best_labels, read_labels, write_labels
from pipeline.archive.layout import labels_path
from pipeline.archive.schema import rows_of
from pipeline.archive.shards import iter_rows
from pipeline.decode.row_decoder import RowDecoder
from pipeline.errors import DamagedError, StorageError, TenfoldError
from pipeline.label.tasks import LabelResult, LabelTask
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, ShardRow
from pipeline.workers.pool import Worker


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _SeenRow:
    """One image, as it comes into the file."""

    row: int
    key: str
    labels: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    embedding_E: npt.NDArray[np.float16] | None = None
    """None where nothing could be seen."""


class LabelWorker(Worker[LabelTask, LabelResult]):
    """Holds the codecs it has met, and one shard at a time."""

    def __init__(self, archive: Storage) -> None:
        """Take the archive."""
        self._archive = archive
        self._decoder = RowDecoder(archive, device="cpu")

    def run(self, task: LabelTask) -> LabelResult:
        """Do one task. Labels of the same head that are whole and lack nothing are only read.

        Raises:
            StorageError: the store does not answer.
            NewerFormatError: the shard or its labels were written by a release that is too new.
        """
        rows = rows_of(task.rows, CatalogueRow)
        head = self._head_of(rows[0])
        if head is None:
            return LabelResult(unseen=len(rows))
        held = self._held(task.shard, head)
        labelled = {} if held is None else dict(zip(held.rows, map(bool, held.labels), strict=True))
        missing = [row.row for row in rows if row.row not in labelled]
        there = sum(labelled.get(row.row, False) for row in rows)
        unseen = len(rows) - len(missing) - there
        if not missing:
            return LabelResult(there=there, unseen=unseen)
        try:
            made = [self._seen(n, row) for n, row in iter_rows(self._archive, task.shard, only=missing)]
        except DamagedError as error:
            return LabelResult(problem=str(error))
        seen = sum(one.embedding_E is not None for one in made)
        written = self._write(task.shard, _joined(head, held, made))
        return LabelResult(made=seen, there=there, unseen=unseen + len(made) - seen, num_bytes=written)

    def _head_of(self, row: CatalogueRow) -> str | None:
        """Digest of the head of a row's codec, hexadecimal; None where it has none, or the codec is not here."""
        try:
            return self._decoder.head(row.codec or "").digest.hex()
        except (NoHeadError, UnknownCodecError):
            return None

    def _held(self, shard: str, head: str) -> ShardLabels | None:
        """What is there of the same head."""
        try:
            held = read_labels(self._archive, shard)
        except DamagedError:
            return None
        return held if held is not None and held.head == head else None

    def _seen(self, number: int, row: ShardRow) -> _SeenRow:
        try:
            (seen,) = self._decoder.see([row])
            best = best_labels(self._decoder.head(row.codec or "").labels, seen.scores)
        except StorageError:
            raise
        except (TenfoldError, CodecError):
            return _SeenRow(row=number, key=row.key)
        labels, scores = zip(*best, strict=True)
        return _SeenRow(
            row=number,
            key=row.key,
            labels=labels,
            scores=scores,
            embedding_E=seen.embedding.astype(np.float16),
        )

    def _write(self, shard: str, seen: ShardLabels) -> int:
        """Put the labels there, unless their shard is gone: what was removed must not come back."""
        num_bytes = write_labels(self._archive, shard, seen)
        if self._archive.exists(shard):
            return num_bytes
        with contextlib.suppress(FileNotFoundError):
            self._archive.delete(labels_path(shard))
        return 0


def _joined(head: str, held: ShardLabels | None, made: list[_SeenRow]) -> ShardLabels:
    """What was there and what was made, in the order of the shard."""
    rows = list(made)
    if held is not None:
        columns = zip(held.rows, held.keys, held.labels, held.scores, held.embeddings_NE, strict=True)
        rows += [_SeenRow(row=r, key=k, labels=n, scores=s, embedding_E=e) for r, k, n, s, e in columns]
    rows.sort(key=lambda one: one.row)
    width = next((len(one.embedding_E) for one in rows if one.embedding_E is not None), 1)
    nothing_E = np.zeros(width, np.float16)
    return ShardLabels(
        head=head,
        rows=tuple(one.row for one in rows),
        keys=tuple(one.key for one in rows),
        labels=tuple(one.labels for one in rows),
        scores=tuple(one.scores for one in rows),
        embeddings_NE=np.stack([nothing_E if one.embedding_E is None else one.embedding_E for one in rows]),
    )
