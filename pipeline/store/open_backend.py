"""The backend of a URL, by its protocol. What a folder does not need is imported where it is needed."""

from __future__ import annotations

from pipeline.store.backend import Backend
from pipeline.store.local_store import LocalStore
from pipeline.store.options import StorageOptions
from pipeline.store.urls import LOCAL, S3, local_path, scheme


def open_backend(url: str, options: StorageOptions) -> Backend:
    """A folder, a bucket, or what fsspec has for the protocol. Nothing is contacted yet.

    Raises:
        StorageError: fsspec knows no such protocol, or its plug-in is not installed.
    """
    kind = scheme(url)
    if kind in LOCAL:
        return LocalStore(local_path(url))
    if kind == S3:
        from pipeline.store.s3_session import open_bucket

        return open_bucket(url, options)
    from pipeline.store.fsspec_store import open_filesystem

    return open_filesystem(kind, url)
