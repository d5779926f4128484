"""Connections to S3: one set a process for the same options and the same AWS variables."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import fsspec
from fsspec.asyn import sync

from pipeline.store.options import StorageOptions
from pipeline.store.urls import split_bucket

if TYPE_CHECKING:
    from pipeline.store.s3_store import S3Store

CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 60
_EARLY_READ_TIMEOUT_S = 10
_EARLY_RETRIES = 2
_CONNECTIONS = 64
_s3_filesystems: dict[tuple[int, StorageOptions, bool, int], Any] = {}


def open_bucket(url: str, options: StorageOptions) -> S3Store:
    """The bucket of an s3:// URL. Nothing is contacted yet."""
    from pipeline.store.s3_store import S3Store  # botocore takes its time: only where it is needed

    bucket, prefix = split_bucket(url)

    def connect(early: bool) -> tuple[Any, Any]:
        filesystem = _shared_s3(options, early=early)
        return filesystem, lambda function: sync(filesystem.loop, function)

    return S3Store(
        bucket=bucket,
        prefix=prefix,
        retries=options.retries,
        connect=connect,
        endpoint=options.endpoint_url,
    )


_lock = threading.Lock()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


os.register_at_fork(after_in_child=_after_fork)


def _shared_s3(options: StorageOptions, *, early: bool) -> Any:
    """One set of connections per process for the same options and the same AWS variables."""
    variables = sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))
    key = (os.getpid(), options, early, hash(tuple(variables)))
    with _lock:
        if key not in _s3_filesystems:
            _s3_filesystems[key] = _s3_filesystem(options, early=early)
        return _s3_filesystems[key]


def _s3_filesystem(options: StorageOptions, *, early: bool) -> Any:
    style: str = options.addressing_style
    if style == "auto" and options.endpoint_url:
        style = "path"  # what nearly every S3 clone wants, and what deltalake does
    config = {
        "connect_timeout": CONNECT_TIMEOUT_S,
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
