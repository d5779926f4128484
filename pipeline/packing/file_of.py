"""The file that a kept or bounded image comes back as: the one way from its payload to it."""

from __future__ import annotations

import hashlib

from pipeline.errors import ArchiveError, DamagedError
from pipeline.packing.registry import file_packing
from pipeline.types import CatalogueRow, ShardRow


def file_of(row: ShardRow) -> bytes:
    """The file of a row: the original, byte for byte, where kept; with its samples within the bound where bounded.

    Raises:
        ArchiveError: the image is coded or lossless: its payload is no file; or it failed.
        DamagedError: the payload does not unpack to the file that was packed.
        NewerFormatError: it is packed in a way that is not known here.
    """
    return unpacked(row, row.payload)


def unpacked(row: ShardRow | CatalogueRow, payload: bytes | None) -> bytes:
    """`file_of` a row whose payload lies elsewhere."""
    if row.status not in ("kept", "bounded") or payload is None:
        raise ArchiveError(f"Expected a kept file under key {row.key!r}, got an image that is {row.status}.")
    if row.packing is None:
        return payload
    if row.source_size is None:
        raise DamagedError(f"Expected the size of the packed file {row.key!r} in its row, got none.")
    unpack = file_packing(row.packing).unpack
    try:
        file = unpack(payload, row.source_size)
    except DamagedError as error:
        raise _damaged(row, str(error)) from error
    if row.status == "kept" and row.source_sha256 not in (None, hashlib.sha256(file).hexdigest()):
        raise _damaged(row, "Expected the original file, got other bytes.")
    return file


def _damaged(row: ShardRow | CatalogueRow, words: str) -> DamagedError:
    return DamagedError(
        f"Expected the file {row.key!r} packed as {row.packing}, got a payload that does not give it back. {words} "
        f"Restore its shard from a copy, or compress {row.source_url} again."
    )
