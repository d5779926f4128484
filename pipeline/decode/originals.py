"""The files from which an archive was made: no file that was decoded ever takes the place of one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from pipeline.archive.catalogue import Catalogue
from pipeline.store.backend import ObjectInfo
from pipeline.store.identity import identity_of
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, local_path, scheme


class Originals:
    """Knows an original by what it is (pipeline/store/identity.py) and by what is in it, wherever it lies."""

    def __init__(self, catalogues: Sequence[Catalogue]) -> None:
        """Read what the catalogues, of one archive at several versions, say of the source files."""
        self._identities = set()
        self._digests: set[str] = set()
        self._sizes: set[int] = set()
        self._etags: set[tuple[str, int]] = set()
        for catalogue in catalogues:
            for batch in catalogue.scan(["source_url", "source_size", "source_sha256", "source_etag"]):
                for row in batch.to_pylist():
                    self._identities.add(identity_of(row["source_url"]))
                    size = row["source_size"]
                    if size is not None and row["source_sha256"]:
                        self._sizes.add(size)
                        self._digests.add(row["source_sha256"])
                    if size is not None and row["source_etag"]:
                        self._etags.add((row["source_etag"], size))
        self._identities.discard(None)

    def among(self, storage: Storage, found: Mapping[str, ObjectInfo]) -> Iterator[tuple[str, str | None]]:
        """(path, SHA-256) of the files that are originals; None for one that is known by its name or etag.

        Reads those that have the size of an original.
        """
        is_local = scheme(storage.url) in LOCAL
        root = (local_path(storage.url) if is_local else storage.url).rstrip("/")
        for path, info in found.items():
            if info.size in self._sizes:
                digest = hashlib.sha256(storage.read(path)).hexdigest()
                if digest in self._digests:
                    yield path, digest
                    continue
            if identity_of(f"{root}/{path}") in self._identities or (info.etag, info.size) in self._etags:
                yield path, None
