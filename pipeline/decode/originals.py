"""The files from which an archive was made: no file that was decoded ever takes the place of one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.archive.catalogue import Catalogue
from pipeline.store.backend import ObjectInfo
from pipeline.store.identity import Identity, identity_of
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, local_path, scheme

_COLUMNS: Final = ("source_url", "source_size", "source_sha256", "source_etag")


class Originals:
    """Knows an original by what it is (pipeline/store/identity.py) and by what is in it, wherever it lies."""

    def __init__(self, catalogues: Sequence[Catalogue]) -> None:
        """Take the catalogues, of one archive at several versions, that say what the source files were."""
        self._catalogues = catalogues

    def among(self, storage: Storage, found: Mapping[str, ObjectInfo]) -> Iterator[tuple[str, str | None]]:
        """(path, SHA-256) of the files that are originals; None for one that is known by its name or etag.

        Reads those that have the size of an original. Of the originals only those are held that may be among them.
        """
        is_local = scheme(storage.url) in LOCAL
        root = (local_path(storage.url) if is_local else storage.url).rstrip("/")
        identities = {path: identity_of(f"{root}/{path}") for path in found}
        asked = _Identities(
            identities=set(identities.values()) - {None},
            tags={(info.etag, info.size) for info in found.values() if info.etag},
        )
        sizes = {info.size for info in found.values()}
        archived, digests = _Identities(), set[tuple[int, str]]()
        for row in self._rows():
            archived.identities |= asked.identities & {identity_of(row["source_url"])}
            archived.tags |= asked.tags & {(row["source_etag"], row["source_size"])}
            if row["source_size"] in sizes and row["source_sha256"]:
                digests.add((row["source_size"], row["source_sha256"]))
        sizes = {size for size, _ in digests}
        for path, info in found.items():
            if info.size in sizes:
                digest = hashlib.sha256(storage.read(path)).hexdigest()
                if (info.size, digest) in digests:
                    yield path, digest
                    continue
            if identities[path] in archived.identities or (info.etag, info.size) in archived.tags:
                yield path, None

    def _rows(self) -> Iterator[dict[str, Any]]:
        for catalogue in self._catalogues:
            for batch in catalogue.scan(_COLUMNS):
                yield from batch.to_pylist()


@dataclass(slots=True, kw_only=True)
class _Identities:
    """Some files, by what they are."""

    identities: set[Identity | None] = field(default_factory=set)
    tags: set[tuple[str | None, int | None]] = field(default_factory=set)
    """Etag and size."""
