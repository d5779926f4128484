"""The images of an archive that are nearest to a picture or to words, by the labels beside its shards.

Every embedding is looked at, shard by shard: a million images are 400 MB to read and some seconds of one core. What is
in memory is one shard's labels, and the best so far.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codec.contract import DEFAULT_CODEC, EncodeOptions, as_rgb
from codec.registry import load_codec
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.labels import ShardLabels, read_labels
from pipeline.errors import ConfigError
from pipeline.image.read import read_image
from pipeline.store.storage import Storage
from pipeline.types import Image

Scores = npt.NDArray[np.float32]
Nearness = Callable[[ShardLabels], Scores | None]
"""How near each image of a file of labels is: higher is nearer. None where that cannot be said of this file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One image that was found."""

    key: str
    score: float
    """Cosine of embeddings, -1 to 1; of words, how sure the head is of labels that have them, 0 to 1."""
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search found."""

    hits: tuple[Hit, ...]
    """The nearest first."""
    searched: int
    """Images with labels."""
    unlabelled: int
    """Images of the archive that have none: `tenfold label` makes those of coded ones."""
    by_another_head: int
    """Images with labels of another head than the one that saw what is looked for: they were not compared, and
    `tenfold label` makes their labels anew."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenAs:
    """An embedding, and which head it is of: those of two heads have nothing to do with each other."""

    embedding_E: npt.NDArray[np.float32]
    head: str
    """Its digest, hexadecimal."""


def like(wanted: SeenAs) -> Nearness:
    """Nearness to an embedding, by the cosine, of what the same head saw."""
    unit_E = wanted.embedding_E.astype(np.float32) / max(float(np.linalg.norm(wanted.embedding_E)), 1e-12)

    def nearness(seen: ShardLabels) -> Scores | None:
        if seen.head != wanted.head:
            return None
        embeddings_NE = seen.embeddings_NE.astype(np.float32)
        norms_N = np.linalg.norm(embeddings_NE, axis=1)
        cosines: Scores = (embeddings_NE @ unit_E / np.maximum(norms_N, 1e-12)).astype(np.float32)
        return cosines

    return nearness


def says(words: str) -> Nearness:
    """How sure the head is of labels in which all the words occur.

    Raises:
        ConfigError: there is no word.
    """
    wanted = words.lower().split()
    if not wanted:
        raise ConfigError("Expected words that labels may have, such as 'lighthouse'; got none.")

    def nearness(seen: ShardLabels) -> Scores:
        return np.array(
            [
                sum(
                    score
                    for label, score in zip(labels, scores, strict=True)
                    if all(word in label.lower() for word in wanted)
                )
                for labels, scores in zip(seen.labels, seen.scores, strict=True)
            ],
            np.float32,
        )

    return nearness


def search(
    archive: Storage, nearness: Nearness, *, most: int, least: float = -1.0, without: str | None = None
) -> SearchResult:
    """The nearest images of an archive, as it is now.

    Args:
        archive: its labels must have been made.
        nearness: `like` or `says`.
        most: hits.
        least: hits are nearer than that.
        without: a key that is not to be found: what the others are held against.
    Raises:
        NoArchiveError, ArchiveError, StorageError: the archive cannot be read.
        DamagedError: labels are not as they were written.
    """
    best: list[tuple[float, str, tuple[str, ...]]] = []
    searched = images = by_another_head = 0
    for count, seen, here in _labelled(archive):
        images += count
        if seen is None:
            continue
        labelled = [place for place, row in enumerate(seen.rows) if row in here and seen.labels[place]]
        scores = nearness(seen)
        if scores is None:
            by_another_head += len(labelled)
            continue
        searched += len(labelled)
        for place in labelled:
            score = scores[place]
            if score > least and seen.keys[place] != without:
                entry = (float(score), seen.keys[place], seen.labels[place])
                (heapq.heappush if len(best) < most else heapq.heappushpop)(best, entry)
    hits = tuple(
        Hit(key=key, score=score, labels=labels) for score, key, labels in sorted(best, reverse=True)
    )
    return SearchResult(
        hits=hits,
        searched=searched,
        unlabelled=images - searched - by_another_head,
        by_another_head=by_another_head,
    )


def seen_of_file(data: bytes) -> SeenAs:
    """What is seen in an image that lies in no archive: it is encoded first, since heads read payloads.

    Raises:
        ConfigError: it is no picture of 8-bit samples.
    """
    image = read_image(data)
    if not isinstance(image, Image):
        raise ConfigError(
            f"Expected a picture with 8-bit samples to search for, got one that is {image.reason}."
        )
    codec = load_codec(DEFAULT_CODEC, device="cpu")
    encoded = codec.encode([as_rgb(image.pixels)], EncodeOptions(quality=codec.default_quality))
    (seen,) = codec.see([encoded[0].payload], [image.orientation])
    return SeenAs(embedding_E=seen.embedding, head=codec.required_head().digest.hex())


def _labelled(archive: Storage) -> Iterator[tuple[int, ShardLabels | None, set[int]]]:
    """Shard by shard: how many images of the archive it has, their labels, and their rows."""
    for shard, rows in Catalogue(archive).by_shard():
        yield rows.num_rows, read_labels(archive, shard), set(rows["row"].to_pylist())
