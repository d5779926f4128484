"""Storage: whole objects below one URL, on a disk, in a bucket or on any other fsspec filesystem.

Everything else in the pipeline reads, writes and lists through `Storage`; fsspec is imported in this room alone.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import urlsplit

import fsspec

from pipeline.store.backend import Backend, ObjectInfo
from pipeline.store.failures import problem, redact
from pipeline.store.fsspec_store import FsspecStore
from pipeline.store.local_store import LocalStore
from pipeline.store.options import StorageOptions
from pipeline.store.s3_session import CONNECT_TIMEOUT_S, open_bucket
from pipeline.store.urls import LOCAL, S3, local_path, normal, scheme, split_bucket, split_url

__all__ = ["ObjectInfo", "Storage", "StorageOptions", "redact", "split_url"]


class Storage:
    """Objects below one URL: a local path, file://, s3://bucket/prefix, memory://, gs://, az://.

    Nothing is contacted before the first operation. Instances can be pickled, shared by threads and used
    after a fork: each process makes its own connections. Paths are below the URL and '/'-separated.

    Raises, everywhere: `StorageError` for a store that does not answer as it should, `FileNotFoundError` for
    a missing object. Both say what was expected, what came, where, and what to do, and hold no secret.
    """

    url: str
    """Normalised: absolute, no trailing slash, no credentials."""
    options: StorageOptions

    def __init__(
        self,
        url: str | os.PathLike[str],
        options: StorageOptions = StorageOptions(),  # noqa: B008 frozen
    ) -> None:
        self.url = normal(url)
        self.options = options.resolved()
        self._opened: tuple[int, Backend] | None = None

    def __repr__(self) -> str:
        return f"Storage({self.url!r})"

    def __reduce__(self) -> tuple[type[Storage], tuple[str, StorageOptions]]:
        return Storage, (self.url, self.options)

    def read(self, path: str) -> bytes:
        """All bytes of an object."""
        return self._store().read(path)

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`, in one request; StorageError when the object ends before."""
        if offset < 0 or length < 0:
            raise ValueError(
                f"Expected offset and length of at least 0, got {offset} and {length} for {path}"
            )
        return self._store().read_range(path, offset, length)

    def write(self, path: str, data: bytes) -> None:
        """Publish an object whole, replacing any: one PUT, or one rename of a finished local file."""
        self._store().write(path, data)

    def create(self, path: str, data: bytes) -> bool:
        """Publish an object whole unless the name is taken; False when it is. One of many racers wins.

        On fsspec filesystems other than folders, S3 and memory this is only as safe as their `mode="create"`.
        """
        return self._store().create(path, data)

    def list(
        self, prefix: str = "", *, recursive: bool = True, exclude: Collection[str] = ()
    ) -> Iterator[ObjectInfo]:
        """Objects in folder `prefix`, streamed in the order of their names; none when it does not exist.

        Args:
            recursive: False for the objects directly in the folder.
            exclude: paths whose objects are left out, with everything below them.
        """
        hidden = frozenset(name.strip("/") for name in exclude)
        return self._store().list(prefix.rstrip("/"), recursive=recursive, exclude=hidden)

    def exists(self, path: str) -> bool:
        """Whether there is an object of that name."""
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def info(self, path: str) -> ObjectInfo:
        """Size, etag and time of one object."""
        return self._store().info(path)

    def size(self, path: str) -> int:
        """Bytes in an object."""
        return self.info(path).size

    def delete(self, path: str) -> None:
        """Remove an object; FileNotFoundError when there is none, except on S3, which does not say."""
        self._store().delete(path)

    def check_readable(self) -> None:
        """Fail early, before work starts, when the root cannot be listed."""
        self._store().check_readable()

    def check_writable(self) -> None:
        """Fail early when the root cannot be written, or when an S3 store ignores create-only conditions."""
        self._store().check_writable()

    def delta_url(self) -> str:
        """This root as deltalake wants it.

        Raises:
            StorageError: deltalake has no access to such a store.
        """
        kind = scheme(self.url)
        if kind in LOCAL:
            return local_path(self.url)
        if kind in (S3, "gs", "gcs", "az", "abfs", "abfss"):
            return self.url
        raise problem(
            expected="a store that Delta Lake can write to (a folder, s3://, gs://, az://)",
            got=f"{kind}://",
            where=self.url,
            do="put the archive on one of those",
        )

    def delta_options(self) -> dict[str, str]:
        """`storage_options` for deltalake, with live credentials: keep in memory only, ask anew each time."""
        if scheme(self.url) != S3:
            return {}
        store = open_bucket(self.url, self.options)
        endpoint, region = store.client_facts()
        credentials = store.credentials()
        named = not (urlsplit(endpoint).hostname or "").endswith(("amazonaws.com", "amazonaws.com.cn"))
        options = {
            "AWS_REGION": region if region and region != "aws-global" else "us-east-1",
            "aws_conditional_put": "etag",
            "connect_timeout": f"{CONNECT_TIMEOUT_S}s",
        }
        if named:
            options["AWS_ENDPOINT_URL"] = endpoint
            options["AWS_ALLOW_HTTP"] = str(endpoint.startswith("http://")).lower()
        virtual = self.options.addressing_style == "virtual" or (
            self.options.addressing_style == "auto" and not named
        )
        options["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] = str(virtual).lower()
        if virtual and named:  # object_store wants the bucket inside the endpoint then
            bucket = split_bucket(self.url)[0]
            options["AWS_ENDPOINT_URL"] = endpoint.replace("://", f"://{bucket}.", 1)
        if credentials is None:
            options["AWS_SKIP_SIGNATURE"] = "true"
        else:
            key, secret, token = credentials
            options |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
            if token:
                options["AWS_SESSION_TOKEN"] = token
        return options

    def _store(self) -> Backend:
        pid = os.getpid()
        with _lock:
            if self._opened is None or self._opened[0] != pid:
                if self._opened is not None:
                    # A parent's connections must be neither used nor closed here: keep them from collection.
                    _abandoned.append(self._opened[1])
                self._opened = (pid, _open_store(self.url, self.options))
            return self._opened[1]


_lock = threading.Lock()
_abandoned: list[Backend] = []


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


os.register_at_fork(after_in_child=_after_fork)


def _open_store(url: str, options: StorageOptions) -> Backend:
    kind = scheme(url)
    if kind in LOCAL:
        return LocalStore(local_path(url))
    if kind == S3:
        return open_bucket(url, options)
    filesystem = _filesystem(kind, url)
    return FsspecStore(filesystem, str(filesystem._strip_protocol(url)), url)


def _filesystem(kind: str, url: str) -> Any:
    try:
        return fsspec.filesystem(kind, use_listings_cache=False, skip_instance_cache=True)
    except ImportError as error:
        package = {"gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs"}.get(kind)
        what = f"pip install {package}" if package else f"install what it asks for ({error})"
        raise problem(
            expected=f"the plug-in for {kind}://", got="none installed", where=url, do=what
        ) from error
    except ValueError as error:
        raise problem(
            expected="a path, or a URL with a protocol fsspec knows (s3, gs, az, ...)",
            got=f"{kind}://",
            where=url,
            do="correct the URL, or install the fsspec plug-in for that protocol",
        ) from error
