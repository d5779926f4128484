"""The weights files that an archive carries, so that its payloads decode whatever later releases ship.

ARCHIVE/codec/<digest>.safetensors      <digest>: first 8 bytes of the file's sha256, hexadecimal
ARCHIVE/codec/<digest>.difference       ... or what makes this file of another one, whose digest it holds

Weights of decoders, which payloads do not name, lie elsewhere (decoders.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from codec.adaptation.difference import base_digest, rebuild
from codec.bitstream import HEAD_BYTES
from codec.errors import WeightsError
from codec.payload_head import weights_digest
from codec.weights_file import digest_of, shipped, weights_name
from pipeline.archive.layout import (
    WEIGHTS_FOLDER,
    difference_path,
    digest_in,
    digest_of_difference,
    weights_path,
)
from pipeline.errors import ArchiveError, ConfigError, DamagedError
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.store.urls import split_url
from pipeline.types import CatalogueRow


def archived_digests(archive: Storage) -> list[bytes]:
    """Digests of the weights files that an archive has, whole or as differences, by their names."""
    named = (
        (digest_in(info.path) or digest_of_difference(info.path))
        for info in archive.list(WEIGHTS_FOLDER, recursive=False)
    )
    return list(dict.fromkeys(digest for digest in named if digest is not None))


def weights_needed(rows: Sequence[CatalogueRow], shard: bytes) -> Iterator[tuple[CatalogueRow, bytes | None]]:
    """The coded rows of a shard, given its bytes, each with the digest of the weights that its payload names; None
    where it is of no kind that this release knows."""
    for row in rows:
        if row.status == "coded" and row.payload_offset is not None and row.payload_length is not None:
            length = min(row.payload_length, HEAD_BYTES)
            yield row, weights_digest(shard[row.payload_offset : row.payload_offset + length])


def read_given_weights(url: str, options: StorageOptions) -> bytes:
    """A weights file that the user named.

    Raises:
        ConfigError: nothing is there.
        StorageError: it cannot be read.
    """
    root, name = split_url(url)
    try:
        return Storage(root, options).read(name)
    except FileNotFoundError as error:
        raise ConfigError(
            f"Expected a weights file at {url}, got nothing there; check where it lies."
        ) from error


def store_weights(archive: Storage, weights: Mapping[str, bytes]) -> None:
    """Put a codec's weights files (name -> bytes) into the archive; those that are there, in either form, stay.

    A file is replaced only when it has another length: a failed disk or a broken copy left it.
    """
    held = {info.path: info.size for info in archive.list(WEIGHTS_FOLDER, recursive=False)}
    for name, data in weights.items():
        path = f"{WEIGHTS_FOLDER}/{name}"
        is_difference = difference_path(digest_of(data)) in held and path not in held
        if not is_difference and held.get(path) != len(data):
            archive.write(path, data)


def store_difference(archive: Storage, weights: bytes, difference: bytes, *, base: bytes) -> None:
    """Put weights into the archive as what makes them of another weights file, which it gets too if it has it not."""
    store_weights(archive, {weights_name(digest_of(base)): base})
    archive.write(difference_path(digest_of(weights)), difference)


def base_named_by(difference: bytes) -> bytes | None:
    """Digest of the weights that a difference is from; None where damage hides it."""
    try:
        return base_digest(difference)
    except WeightsError:
        return None


def read_stored_weights(archive: Storage, digest: bytes) -> bytes:
    """A weights file of the archive.

    Raises:
        ArchiveError: the archive does not hold it, or what it is a difference from.
        DamagedError: its content is not what its name says.
    """
    path = weights_path(digest)
    try:
        data = archive.read(path)
    except FileNotFoundError as error:
        path = difference_path(digest)
        try:
            data = _rebuilt(archive, path)
        except FileNotFoundError:
            raise ArchiveError(
                f"Expected the weights file {weights_path(digest)} in the archive at {archive.url}, got nothing "
                "there: payloads made with it decode only with it. Copy it back from a backup, or decode with the "
                "release that made them."
            ) from error
    if (found := digest_of(data)) != digest:
        raise DamagedError(
            f"Expected weights with digest {digest.hex()} in {path} of the archive at {archive.url}, got "
            f"{found.hex()} ({len(data)} bytes): the file is damaged. Copy it back from a backup."
        )
    return data


def _rebuilt(archive: Storage, path: str) -> bytes:
    """Weights from a difference and its base, which may be a difference itself.

    Raises:
        FileNotFoundError: there is no such difference.
        ArchiveError, DamagedError: it is damaged; or its base is lost or damaged, and does not ship with this release.
    """
    difference = archive.read(path)
    try:
        base = base_digest(difference)
        return rebuild(shipped(base.hex()) or read_stored_weights(archive, base), difference)
    except WeightsError as error:
        raise DamagedError(
            f"Expected what makes weights of others in {path} of the archive at {archive.url}, got: {error}. Copy the "
            "file back from a backup."
        ) from error
