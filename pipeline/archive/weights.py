"""The weights files that an archive carries, so that its payloads decode whatever later releases ship.

ARCHIVE/codec/<digest>.safetensors      <digest>: first 8 bytes of the file's sha256, hexadecimal
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from codec.bitstream import HEAD_BYTES
from codec.payload_head import weights_digest
from codec.weights_file import digest_of
from pipeline.archive.layout import WEIGHTS_FOLDER, digest_in, weights_path
from pipeline.errors import ArchiveError, ConfigError, DamagedError
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.store.urls import split_url
from pipeline.types import CatalogueRow


def archived_digests(archive: Storage) -> list[bytes]:
    """Digests of the weights files that an archive has, by their names."""
    return [digest for info in archive.list(WEIGHTS_FOLDER) if (digest := digest_in(info.path))]


def weights_needed(rows: Sequence[CatalogueRow], shard: bytes) -> Iterator[tuple[CatalogueRow, bytes | None]]:
    """The coded rows of a shard, given its bytes, each with the digest of the weights that its payload names; None
    where it is of no kind that this release knows."""
    for row in rows:
        if row.status == "coded" and row.payload_offset is not None and row.payload_length is not None:
            length = min(row.payload_length, HEAD_BYTES)
            yield row, weights_digest(shard[row.payload_offset : row.payload_offset + length])


def read_given_weights(url: str, options: StorageOptions) -> bytes:
    """The weights file that a run was told to encode with.

    Raises:
        ConfigError: nothing is there.
        StorageError: it cannot be read.
    """
    root, name = split_url(url)
    try:
        return Storage(root, options).read(name)
    except FileNotFoundError as error:
        raise ConfigError(f"Expected a weights file at {url}, got nothing there; check --weights.") from error


def store_weights(archive: Storage, weights: Mapping[str, bytes]) -> None:
    """Put a codec's weights files (name -> bytes) into the archive; those that are there stay.

    A file is replaced only when it has another length: a failed disk or a broken copy left it.
    """
    for name, data in weights.items():
        path = f"{WEIGHTS_FOLDER}/{name}"
        try:
            size = archive.size(path)
        except FileNotFoundError:
            size = None
        if size != len(data):
            archive.write(path, data)


def read_stored_weights(archive: Storage, digest: bytes) -> bytes:
    """A weights file of the archive.

    Raises:
        ArchiveError: the archive does not hold it.
        DamagedError: its content is not what its name says.
    """
    path = weights_path(digest)
    try:
        data = archive.read(path)
    except FileNotFoundError as error:
        raise ArchiveError(
            f"Expected the weights file {path} in the archive at {archive.url}, got nothing there: payloads made "
            "with it decode only with it. Copy it back from a backup, or decode with the release that made them."
        ) from error
    if (found := digest_of(data)) != digest:
        raise DamagedError(
            f"Expected weights with digest {digest.hex()} in {path} of the archive at {archive.url}, got "
            f"{found.hex()} ({len(data)} bytes): the file is damaged. Copy it back from a backup."
        )
    return data
