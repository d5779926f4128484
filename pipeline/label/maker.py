"""How an image comes into a file of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codec.errors import CodecError, NoHeadError, UnknownCodecError
from pipeline.archive.labels import LABELS, ShardLabels, best_labels, read_labels, write_labels
from pipeline.decode.row_decoder import RowDecoder
from pipeline.errors import TenfoldError
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, ShardRow


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledImage:
    """One image, as it comes into the file."""

    row: int
    key: str
    labels: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    embedding_E: npt.NDArray[np.float16] | None = None
    """None where this run saw nothing; all zero in such an entry that was read from the file."""

    @property
    def is_seen(self) -> bool:
        """Whether a head saw something: it gives every image labels."""
        return bool(self.labels)


class LabelMaker:
    """Holds the codecs it has met, and the head of the shard at hand."""

    kind = LABELS
    nothing_to_see: tuple[type[Exception], ...] = (TenfoldError, CodecError)

    def __init__(self, archive: Storage) -> None:
        """Take the archive."""
        self._archive = archive
        self._decoder = RowDecoder(archive, device="cpu")
        self._head = ""

    def can_see(self, row: CatalogueRow) -> bool:
        """Whether the codec of a shard has a head for its weights, and is here."""
        try:
            self._head = self._decoder.head(row.codec or "").digest.hex()
        except (NoHeadError, UnknownCodecError):
            return False
        return True

    def held(self, shard: str) -> list[LabelledImage]:
        """What the same head saw, upright; see `CompanionMaker`."""
        held = read_labels(self._archive, shard)
        if held is None or held.head != self._head or not held.upright:
            return []
        columns = zip(held.rows, held.keys, held.labels, held.scores, held.embeddings_NE, strict=True)
        return [
            LabelledImage(row=row, key=key, labels=labels, scores=scores, embedding_E=embedding)
            for row, key, labels, scores, embedding in columns
        ]

    def look(self, number: int, row: ShardRow) -> LabelledImage:
        """Let the head see it; see `CompanionMaker`."""
        (seen,) = self._decoder.see([row])
        best = best_labels(self._decoder.head(row.codec or "").labels, seen.scores)
        labels, scores = zip(*best, strict=True)
        embedding = seen.embedding.astype(np.float16)
        return LabelledImage(row=number, key=row.key, labels=labels, scores=scores, embedding_E=embedding)

    def unseen(self, number: int, row: ShardRow) -> LabelledImage:
        """An entry without labels; see `CompanionMaker`."""
        return LabelledImage(row=number, key=row.key)

    def write(self, shard: str, entries: Sequence[LabelledImage]) -> int:
        """Write the file of labels; see `CompanionMaker`."""
        width = next((len(one.embedding_E) for one in entries if one.embedding_E is not None), 1)
        nothing_E = np.zeros(width, np.float16)
        seen = ShardLabels(
            head=self._head,
            rows=tuple(one.row for one in entries),
            keys=tuple(one.key for one in entries),
            labels=tuple(one.labels for one in entries),
            scores=tuple(one.scores for one in entries),
            embeddings_NE=np.stack(
                [nothing_E if one.embedding_E is None else one.embedding_E for one in entries]
            ),
        )
        return write_labels(self._archive, shard, seen)
