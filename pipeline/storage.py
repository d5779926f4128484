"""Storage: whole objects below one URL, on a disk, in a bucket or on any other fsspec filesystem.

The only file that imports fsspec. Everything else in the pipeline reads, writes and lists through `Storage`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import fsspec
from fsspec.asyn import sync
from pydantic import BaseModel, ConfigDict, Field

from pipeline.filesystem import Filesystem
from pipeline.folder import Folder
from pipeline.store import ObjectInfo, Store, problem, redact
from pipeline.urls import LOCAL, S3, check_endpoint, local_path, normal, scheme, split_bucket, split_url

if TYPE_CHECKING:
    from pipeline.bucket import Bucket

__all__ = ["ObjectInfo", "Storage", "StorageOptions", "redact", "split_url"]

_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 60
_EARLY_READ_TIMEOUT_S = 10
_EARLY_RETRIES = 2
_CONNECTIONS = 64


class StorageOptions(BaseModel):
    """How to reach a store. No secret in it: those come from the AWS variables, a profile or a role."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint_url: str | None = None
    """Default: AWS_ENDPOINT_URL_S3, then AWS_ENDPOINT_URL, then the profile, then AWS."""
    region: str | None = None
    """Default: AWS_REGION, then AWS_DEFAULT_REGION, then the profile."""
    addressing_style: Literal["auto", "path", "virtual"] = "auto"
    """Default: AWS_S3_ADDRESSING_STYLE; auto means path for a named endpoint and virtual for AWS."""
    profile: str | None = None
    """Default: AWS_PROFILE."""
    anonymous: bool = False
    checksum_mode: Literal["when_supported", "when_required"] = "when_required"
    """Some S3 clones refuse the checksums that newer clients add unasked."""
    retries: int = Field(default=5, ge=1)
    """Attempts per request, the first included."""

    def resolved(self) -> StorageOptions:
        """Fill in what the environment says, so that a worker on another machine reaches the same store.

        Raises:
            StorageError: the environment holds an unknown style or an endpoint with credentials in it.
        """
        env = os.environ
        endpoint = self.endpoint_url or env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None
        style = self.addressing_style
        if style == "auto":
            named = env.get("AWS_S3_ADDRESSING_STYLE", "auto") or "auto"
            if named not in ("auto", "path", "virtual"):
                raise problem(
                    expected="auto, path or virtual",
                    got=repr(named),
                    where="AWS_S3_ADDRESSING_STYLE",
                    do="correct or unset it",
                )
            style = "path" if named == "path" else "virtual" if named == "virtual" else "auto"
        if endpoint:
            check_endpoint(endpoint)
        region = self.region or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or None
        return self.model_copy(update={"endpoint_url": endpoint, "region": region, "addressing_style": style})


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
        self._opened: tuple[int, Store] | None = None

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
        store = _open_bucket(self.url, self.options)
        endpoint, region = store.client_facts()
        credentials = store.credentials()
        named = not (urlsplit(endpoint).hostname or "").endswith(("amazonaws.com", "amazonaws.com.cn"))
        options = {
            "AWS_REGION": region if region and region != "aws-global" else "us-east-1",
            "aws_conditional_put": "etag",
            "connect_timeout": f"{_CONNECT_TIMEOUT_S}s",
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

    def _store(self) -> Store:
        pid = os.getpid()
        with _lock:
            if self._opened is None or self._opened[0] != pid:
                if self._opened is not None:
                    # A parent's connections must be neither used nor closed here: keep them from collection.
                    _abandoned.append(self._opened[1])
                self._opened = (pid, _open_store(self.url, self.options))
            return self._opened[1]


_lock = threading.Lock()
_abandoned: list[Store] = []
_s3_filesystems: dict[tuple[int, StorageOptions, bool, int], Any] = {}


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


os.register_at_fork(after_in_child=_after_fork)


def _open_store(url: str, options: StorageOptions) -> Store:
    kind = scheme(url)
    if kind in LOCAL:
        return Folder(local_path(url))
    if kind == S3:
        return _open_bucket(url, options)
    filesystem = _filesystem(kind, url)
    return Filesystem(filesystem, str(filesystem._strip_protocol(url)), url)


def _open_bucket(url: str, options: StorageOptions) -> Bucket:
    from pipeline.bucket import Bucket  # botocore takes its time: only where it is needed

    bucket, prefix = split_bucket(url)

    def connect(early: bool) -> tuple[Any, Any]:
        filesystem = _shared_s3(options, early=early)
        return filesystem, lambda function: sync(filesystem.loop, function)

    return Bucket(
        bucket=bucket,
        prefix=prefix,
        retries=options.retries,
        connect=connect,
        endpoint=options.endpoint_url,
    )


def _shared_s3(options: StorageOptions, *, early: bool) -> Any:
    """One set of connections per process for the same options and the same AWS variables."""
    variables = sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))
    known = (os.getpid(), options, early, hash(tuple(variables)))
    with _lock:
        if known not in _s3_filesystems:
            _s3_filesystems[known] = _s3_filesystem(options, early=early)
        return _s3_filesystems[known]


def _s3_filesystem(options: StorageOptions, *, early: bool) -> Any:
    style: str = options.addressing_style
    if style == "auto" and options.endpoint_url:
        style = "path"  # what nearly every S3 clone wants, and what deltalake does
    config = {
        "connect_timeout": _CONNECT_TIMEOUT_S,
        "read_timeout": _EARLY_READ_TIMEOUT_S if early else _READ_TIMEOUT_S,
        "retries": {
            "mode": "standard",
            "total_max_attempts": min(options.retries, _EARLY_RETRIES) if early else options.retries,
        },
        "max_pool_connections": _CONNECTIONS,
        "request_checksum_calculation": options.checksum_mode,
        "response_checksum_validation": options.checksum_mode,
        "s3": {"addressing_style": style},
    }
    session = {"profile": options.profile} if options.profile else {}
    return fsspec.filesystem(
        "s3",
        anon=options.anonymous,
        endpoint_url=options.endpoint_url,
        client_kwargs={"region_name": options.region} if options.region else {},
        config_kwargs=config,
        use_listings_cache=False,
        skip_instance_cache=True,
        **session,
    )


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
