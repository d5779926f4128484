"""A source's listing held against what an archive holds, both in the order of their keys, batch by batch.

What the listing shows is new, changed or unchanged; what it passes by is perhaps gone. While its keys ascend it is
compared as it comes. From the first that does not, as in a tar, a list or a store with an order of its own, the rest is
sorted on disk before it goes on; where nothing is left to compare with, that is spared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.compress.changed_sidecars import REMAPPED
from pipeline.compress.ordering import Ascending, SpilledBatches, side_by_side, sorted_on_disk
from pipeline.errors import StoreDownError
from pipeline.source.listing import images_of
from pipeline.types import SourceImage

HELD_COLUMNS: Final = (
    *("key", "source_url", "source_size", "source_etag", "source_mtime"),
    *("shard", "row", "status"),
)
"""What a comparison wants to know of each image of an archive."""
CHECKSUM_COLUMNS: Final = (*HELD_COLUMNS, "source_sha256")
"""The same where it is by checksum."""

SourceChange = Literal["new", "changed", "displacing", "remapped", "unchanged"]
"""What a listed image is to the catalogue. One that is displacing has the key of an image from another URL; of one that
is remapped only what lies beside it changed: its importance map, or its words."""
SOURCE_CHANGES: Final[tuple[SourceChange, ...]] = get_args(SourceChange)
_NEW, _CHANGED, _DISPLACING, _REMAPPED, _UNCHANGED = range(len(SOURCE_CHANGES))
_READS: Final = 16
"""Images read at once to compare their checksums."""
_PART: Final = 256
"""Images compared by checksum before anybody hears of them."""

SORTED: Final = "images put in order"
"""What is counted where the rest of a listing is sorted, for whoever looks on."""
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """Some listed images, and what each is to the catalogue."""

    batch: pa.RecordBatch
    """LISTING."""
    codes: npt.NDArray[np.int8]

    def of(self, change: SourceChange) -> pa.RecordBatch:
        """The images of one kind."""
        return self.batch.filter(pa.array(self.codes == SOURCE_CHANGES.index(change)))

    def without(self, keys: pa.Array) -> Compared:
        """The images with other keys than these."""
        rest = np.invert(_mask(pc.is_in(self.batch["key"], value_set=keys)))
        return Compared(batch=self.batch.filter(pa.array(rest)), codes=self.codes[rest])

    def to_take(self) -> pa.RecordBatch:
        """The images that are not unchanged, in their order."""
        return self.batch.filter(pa.array(self.codes != _UNCHANGED))

    def count(self, change: SourceChange) -> int:
        """Number of images of one kind."""
        return int(np.count_nonzero(self.codes == SOURCE_CHANGES.index(change)))


class ListingComparison:
    """One listing held against one version of a catalogue. Use once."""

    def __init__(
        self,
        listing: Iterable[pa.RecordBatch],
        held: Callable[[], Iterable[pa.RecordBatch]] = lambda: (),
        *,
        read: Callable[[SourceImage], bytes] | None = None,
    ) -> None:
        """Compare nothing yet.

        Args:
            listing: batches of LISTING.
            held: gives HELD_COLUMNS of the images of the archive, sorted by key, and perhaps REMAPPED; called when
                the comparison begins.
            read: gives the bytes of a listed image: then images are compared by checksum, 16 at a time, and `held`
                gives CHECKSUM_COLUMNS.
        """
        self._listing = listing
        self._held = held
        self._read = read
        self._unseen: SpilledBatches | None = None
        self.shown = 0
        """Images of the archive that the listing has shown so far under the URLs that they came from."""

    def compared(self, *, sorting: Callable[[int], None] = lambda _: None) -> Iterator[Compared]:
        """The listing, part by part.

        A listing that knows no version (a bare list of names) is believed unchanged once the key is there, unless it
        gives another size, or checksums are compared. An image that cannot be read for its checksum counts as changed:
        reading it again will say why, as a row.

        Args:
            sorting: is told how many images were put in order so far, where the listing has another one.
        Raises:
            StoreDownError: the source is out of reach.
            Whatever the listing and the catalogue raise.
        """
        listing, held = iter(self._listing), iter(self._held())
        if self._read is not None:  # whoever wants to stop need not wait for thousands of reads
            listing = (batch.slice(at, _PART) for batch in listing for at in range(0, len(batch), _PART))
        while (first := next(held, None)) is not None:
            run, unseen = Ascending(listing), SpilledBatches()
            for listed, there in side_by_side(run, chain([first], held)):
                if listed is None:
                    unseen.put(there)
                elif there is None:
                    yield _all_new(listed)
                else:
                    yield self._compared(listed, there, unseen)
            if run.rest is None:
                self._unseen = unseen
                return
            listing, held = sorted_on_disk(run.rest, tell=sorting), unseen.taken()
        yield from map(_all_new, listing)
        self._unseen = SpilledBatches()

    def unseen(self) -> Iterator[pa.RecordBatch]:
        """HELD_COLUMNS of what the listing has not shown, sorted by key; once, after the end.

        Raises:
            ValueError: the listing is not at its end.
        """
        if self._unseen is None:
            raise ValueError("Expected a comparison that has come to its end, got one that has not.")
        return self._unseen.taken()

    def _compared(self, listed: pa.RecordBatch, held: pa.RecordBatch, unseen: SpilledBatches) -> Compared:
        places = pc.index_in(listed["key"], value_set=held["key"])
        is_known = _mask(pc.is_valid(places))
        was_seen = np.zeros(len(held), dtype=bool)
        was_seen[pc.drop_null(places).to_numpy(zero_copy_only=False)] = True
        unseen.put(held.filter(pa.array(np.invert(was_seen))))
        there = held.take(places)
        is_same_url = _equal(listed["url"], there["source_url"])
        self.shown += int(np.count_nonzero(is_same_url))
        is_current = _is_current(listed, there) if self._read is None else self._has_same_bytes(listed, there)
        codes = np.full(len(listed), _NEW, dtype=np.int8)
        codes[is_known] = np.where(is_same_url, _CHANGED, _DISPLACING)[is_known]
        codes[is_known & is_current] = _UNCHANGED
        if REMAPPED in held.schema.names:
            codes[is_known & is_current & _mask(pc.fill_null(there[REMAPPED], False))] = _REMAPPED
        return Compared(batch=listed, codes=codes)

    def _has_same_bytes(self, listed: pa.RecordBatch, there: pa.RecordBatch) -> Mask:
        """By checksum; what the archive does not have, or never read, is not read to compare it."""
        is_current = np.zeros(len(listed), dtype=bool)
        is_held = _mask(pc.is_valid(there["source_sha256"]))
        digests = there["source_sha256"].filter(pa.array(is_held)).to_pylist()
        images = images_of(listed.filter(pa.array(is_held)))
        with ThreadPoolExecutor(_READS, thread_name_prefix="compare") as pool:
            is_current[is_held] = list(pool.map(self._has_digest, images, digests))
        return is_current

    def _has_digest(self, image: SourceImage, digest: str) -> bool:
        assert self._read is not None, "only called where images are compared by checksum"
        try:
            return hashlib.sha256(self._read(image)).hexdigest() == digest
        except StoreDownError:
            raise
        except OSError:
            return False


def _is_current(listed: pa.RecordBatch, there: pa.RecordBatch) -> Mask:
    """By size and ETag, or time where there is no ETag. What failed and has neither was never read, and counts as
    changed."""
    etag, mtime, etag_there = listed["etag"], listed["mtime"], _bare(there["source_etag"])
    has_no_etags = _is_null(etag) & _is_null(etag_there)
    is_same = _equal(etag, etag_there) | (has_no_etags & _equal(mtime, there["source_mtime"]))
    is_same_size = _equal(listed["size"], there["source_size"])
    is_same &= is_same_size | (_is_null(listed["size"]) & _is_null(there["source_size"]))
    tells_nothing = _is_null(etag) & _is_null(mtime) & (is_same_size | _is_null(listed["size"]))
    has_failed = _equal(there["status"], pa.scalar("failed"))
    was_read = np.invert(_is_null(etag_there) & _is_null(there["source_mtime"]) & has_failed)
    return was_read & (is_same | tells_nothing)


def _bare(etags: pa.Array) -> pa.Array:
    """Without the quotes that were kept, in XML, of what some S3 servers listed on 28 November 2026."""
    return pc.replace_substring(etags, "&#34;", "")


def _all_new(listed: pa.RecordBatch) -> Compared:
    return Compared(batch=listed, codes=np.full(len(listed), _NEW, dtype=np.int8))


def _equal(one: pa.Array, other: pa.Array | pa.Scalar) -> Mask:
    return _mask(pc.fill_null(pc.equal(one, other), False))


def _is_null(values: pa.Array) -> Mask:
    return _mask(pc.is_null(values))


def _mask(truths: pa.Array) -> Mask:
    mask: Mask = truths.to_numpy(zero_copy_only=False)
    return mask
