"""What the archive holds already: which listed images it has in the same version, and which are listed no more.

The catalogue is held as sorted arrays of 64-bit hashes, 25 bytes an image, not as a dict.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any, Literal

import numpy as np

from pipeline.errors import StoreDownError
from pipeline.types import SourceImage

FAST_COLUMNS = ("key", "source_url", "source_size", "source_etag", "source_mtime")
CHECKSUM_COLUMNS = ("key", "source_url", "source_sha256")

Change = Literal["new", "changed", "displacing", "unchanged"]
"""What a listed image is to the catalogue. One that is displacing has the key of an image from another URL."""

_UNKNOWN = 0
"""Version of an image whose source bytes were never read: it counts as changed."""
_READS = 16
"""Images read at once to compare their checksums."""


class KnownImages:
    """The images of a catalogue, and which of them a listing has shown."""

    def __init__(
        self,
        rows: Iterable[tuple[Any, ...]] = (),
        *,
        read: Callable[[SourceImage], bytes] | None = None,
    ) -> None:
        """Take every row of the catalogue.

        Args:
            rows: FAST_COLUMNS, or CHECKSUM_COLUMNS with `read`.
            read: gives the bytes of a listed image: then images are compared by checksum, 16 at a time.
        """
        self._read = read
        version_of = _fast if read is None else _version64
        keys, urls, versions = bytearray(), bytearray(), bytearray()
        for key, url, *facts in rows:
            keys += _hash64(key).to_bytes(8, "little")
            urls += _hash64(url).to_bytes(8, "little")
            versions += version_of(*facts).to_bytes(8, "little")
        key_array = np.frombuffer(bytes(keys), dtype="<u8")
        order = np.argsort(key_array, kind="stable")
        self._keys = key_array[order]
        self._urls = np.frombuffer(bytes(urls), dtype="<u8")[order]
        self._versions = np.frombuffer(bytes(versions), dtype="<u8")[order]
        self._seen = np.zeros(len(order), dtype=bool)

    def __len__(self) -> int:
        """Number of images known."""
        return len(self._keys)

    def see(self, key: str) -> None:
        """Note that the listing has this key."""
        at = self._find(key)
        if at is not None:
            self._seen[at] = True

    def is_gone(self, key: str) -> bool:
        """Whether the catalogue held this key and the listing, now at its end, has not shown it."""
        at = self._find(key)
        return at is not None and not self._seen[at]

    def changes(self, images: Iterable[SourceImage]) -> Iterator[tuple[SourceImage, Change]]:
        """Each image in order, and what it is to the catalogue.

        A listing that knows no version (a bare list of names) is believed unchanged once the key is there, unless
        checksums are compared. An image that cannot be read for its checksum counts as changed: reading it again
        will say why, as a row.

        Raises:
            StoreDownError: the source is out of reach.
        """
        for image, is_current in self._compared(images):
            yield image, "unchanged" if is_current else self._change(image)

    def _change(self, image: SourceImage) -> Change:
        at = self._find(image.key)
        if at is None:
            return "new"
        return "changed" if int(self._urls[at]) == _hash64(image.url) else "displacing"

    def _compared(self, images: Iterable[SourceImage]) -> Iterator[tuple[SourceImage, bool]]:
        """Each image in order, and whether the catalogue holds it in this version."""
        if self._read is None:
            for image in images:
                yield image, self._is_current(image, _fast(image.size, image.etag, image.mtime))
            return
        waiting: deque[tuple[SourceImage, Future[bool]]] = deque()
        with ThreadPoolExecutor(_READS, thread_name_prefix="compare") as pool:
            for image in images:
                waiting.append((image, pool.submit(self._has_same_bytes, image)))
                if len(waiting) >= 2 * _READS:
                    first, same = waiting.popleft()
                    yield first, same.result()
            for image, same in waiting:
                yield image, same.result()

    def _has_same_bytes(self, image: SourceImage) -> bool:
        if self._read is None or self._find(image.key) is None:
            return False
        try:
            data = self._read(image)
        except StoreDownError:
            raise
        except OSError:
            return False
        return self._is_current(image, _version64(hashlib.sha256(data).hexdigest()))

    def _is_current(self, image: SourceImage, listed: int) -> bool:
        at = self._find(image.key)
        if at is None:
            return False
        held = int(self._versions[at])
        return held != _UNKNOWN and listed in (held, _UNKNOWN)

    def _find(self, key: str) -> int | None:
        wanted = _hash64(key)
        at = int(np.searchsorted(self._keys, np.uint64(wanted)))
        return at if at < len(self._keys) and int(self._keys[at]) == wanted else None


def _hash64(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest(), "little")


def _version64(version: str | None) -> int:
    return _UNKNOWN if version is None else _hash64(version) or 1


def _fast(size: int | None, etag: str | None, mtime: datetime | None) -> int:
    if etag is None and mtime is None:
        return _UNKNOWN
    stamp = etag if etag is not None else str(mtime and mtime.timestamp())
    return _version64(f"{size}|{stamp}")
