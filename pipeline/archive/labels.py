"""What a head sees in the images of a shard: labels, scores and an embedding, in a Parquet file beside the shard.

As an album (`albums.py`), it has the shard's name in another folder and goes when the shard goes; no row refers to it
and no image needs it. It says which head saw it, so that another head's are made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.archive.layout import labels_path
from pipeline.errors import DamagedError, NewerFormatError
from pipeline.store.storage import Storage

LABELS_FORMAT: Final = 1
"""Written into every file of labels as `tenfold.labels`."""
LABELS_KEPT: Final = 5
"""Of each image, the surest first."""
_FORMAT_KEY: Final = b"tenfold.labels"
_SHARD_KEY: Final = b"shard"
_HEAD_KEY: Final = b"head"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShardLabels:
    """What a file of labels holds, image by image."""

    head: str
    """Digest of the head that saw it, hexadecimal."""
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
    ).replace_schema_metadata({_FORMAT_KEY: str(LABELS_FORMAT), _SHARD_KEY: shard, _HEAD_KEY: seen.head})
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
    try:
        data = archive.read(labels_path(shard))
    except FileNotFoundError:
        return None
    try:
        return _parsed(pq.read_table(pa.BufferReader(data), page_checksum_verification=True), shard)
    except (pa.ArrowException, AttributeError, ValueError, TypeError, KeyError, OSError) as error:
        raise _damaged(shard, str(error)) from error


def _parsed(table: pa.Table, shard: str) -> ShardLabels:
    told = table.schema.metadata or {}
    written = told.get(_FORMAT_KEY, b"").decode()
    if written.isdecimal() and int(written) > LABELS_FORMAT:
        raise NewerFormatError(
            f"Expected labels of format {LABELS_FORMAT} or older, got format {written} at {labels_path(shard)}. "
            "Install a newer Tenfold to read them."
        )
    if told.get(_SHARD_KEY) != shard.encode():
        raise _damaged(shard, "those of another shard")
    embeddings = table["embedding"].combine_chunks()
    flat = embeddings.flatten().to_numpy(zero_copy_only=False).astype(np.float16)
    return ShardLabels(
        head=told[_HEAD_KEY].decode(),
        rows=tuple(table["row"].to_pylist()),
        keys=tuple(table["key"].to_pylist()),
        labels=tuple(map(tuple, table["labels"].to_pylist())),
        scores=tuple(map(tuple, table["scores"].to_pylist())),
        embeddings_NE=flat.reshape(-1, embeddings.type.list_size),
    )


def _damaged(shard: str, got: str) -> DamagedError:
    return DamagedError(
        f"Expected the labels of {shard} as they were written, got {got}. No image is affected: `tenfold label` makes "
        "them again."
    )


def best_labels(labels: Sequence[str], scores: npt.NDArray[np.float32]) -> tuple[tuple[str, float], ...]:
    """The surest labels of one image, with their scores."""
    order = np.argsort(-scores, kind="stable")[:LABELS_KEPT]
    return tuple((labels[place], float(scores[place])) for place in order)
