"""What a head sees in the images of a shard: labels, scores and an embedding, in a Parquet file beside the shard.

It is a companion (`companions.py`), and says which head saw the images, so that another head's labels are made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.archive.companions import CompanionKind
from pipeline.archive.layout import labels_path
from pipeline.store.storage import Storage

LABELS: Final = CompanionKind(
    name="file of labels", mark="tenfold.labels", version=1, verb="label", path_of=labels_path
)
LABELS_KEPT: Final = 5
"""Of each image, the surest first."""
_HEAD: Final = "head"
"""What the footer calls the digest of the head."""
_UPRIGHT: Final = "upright"
"""Said in the footer where EXIF orientations were heeded, which the first releases did not."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShardLabels:
    """What a file of labels holds, image by image."""

    head: str
    """Digest of the head that saw it, hexadecimal."""
    upright: bool = True
    """Whether it looked at the images as people do, by their EXIF orientations."""
    rows: tuple[int, ...]
    """Of the images in the shard, ascending."""
    keys: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    """The surest first; none where nothing could be seen."""
    scores: tuple[tuple[float, ...], ...]
    """How sure the head is of each, 0 to 1."""
    embeddings_NE: npt.NDArray[np.float16]
    """All zero where nothing could be seen."""

    def __len__(self) -> int:
        return len(self.rows)


def write_labels(archive: Storage, shard: str, seen: ShardLabels) -> int:
    """Put the labels of a shard into the archive, whole, over what is there; give their length in bytes."""
    width = seen.embeddings_NE.shape[1]
    embeddings = pa.FixedSizeListArray.from_arrays(
        pa.array(seen.embeddings_NE.reshape(-1), pa.float16()), width
    )
    table = pa.table(
        {
            "row": pa.array(seen.rows, pa.int32()),
            "key": pa.array(seen.keys, pa.string()),
            "labels": pa.array(seen.labels, pa.list_(pa.string())),
            "scores": pa.array(seen.scores, pa.list_(pa.float32())),
            "embedding": embeddings,
        }
    ).replace_schema_metadata(LABELS.footer(shard) | {_HEAD: seen.head, _UPRIGHT: "1"})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="ZSTD", write_page_checksum=True, version="2.6")
    data: bytes = sink.getvalue().to_pybytes()
    archive.write(labels_path(shard), data)
    return len(data)


def read_labels(archive: Storage, shard: str) -> ShardLabels | None:
    """The labels of a shard's images; None where they were not made.

    Raises:
        DamagedError: the bytes are not those that were written.
        NewerFormatError: they were written by a release that is too new.
        StorageError: the store does not answer.
    """
    source = LABELS.read(archive, shard)
    if source is None:
        return None
    with LABELS.parsing(shard):
        table = pq.read_table(source, page_checksum_verification=True)
        LABELS.check(table.schema.metadata, shard)
        return _parsed(table)


def _parsed(table: pa.Table) -> ShardLabels:
    embeddings = table["embedding"].combine_chunks()
    flat = embeddings.flatten().to_numpy(zero_copy_only=False).astype(np.float16)
    return ShardLabels(
        head=table.schema.metadata[_HEAD.encode()].decode(),
        upright=_UPRIGHT.encode() in table.schema.metadata,
        rows=tuple(table["row"].to_pylist()),
        keys=tuple(table["key"].to_pylist()),
        labels=tuple(map(tuple, table["labels"].to_pylist())),
        scores=tuple(map(tuple, table["scores"].to_pylist())),
        embeddings_NE=flat.reshape(-1, embeddings.type.list_size),
    )


def best_labels(labels: Sequence[str], scores: npt.NDArray[np.float32]) -> tuple[tuple[str, float], ...]:
    """The surest labels of one image, with their scores."""
    order = np.argsort(-scores, kind="stable")[:LABELS_KEPT]
    return tuple((labels[place], float(scores[place])) for place in order)
