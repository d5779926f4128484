"""How deltalake reaches an archive: it has a client of its own, which takes URLs and options of its own."""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import urlsplit

from pipeline.store.failures import problem
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, S3, local_path, scheme, split_bucket

_REMOTE: Final = (S3, "gs", "gcs", "az", "abfs", "abfss")
_READ_OTHERWISE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\[\]\\^|]|%[0-9A-Fa-f]{2}")
"""What deltalake takes for something else in a name, or does not take: it would read and write another place."""
_READ_OTHERWISE_IN_URLS: Final = re.compile(
    rf"{_READ_OTHERWISE.pattern}|[#?\x80-\x9f\u2028\u2029]|(?<=/)/|(?<=/)\.{{1,2}}(?=/|$)"
)


def delta_url(storage: Storage) -> str:
    """A root as deltalake wants it.

    Raises:
        StorageError: deltalake has no access to such a store, or would read its name otherwise than the store does.
    """
    kind = scheme(storage.url)
    if kind in LOCAL:
        path = local_path(storage.url)
        for name in (path, os.path.realpath(path)):  # deltalake follows links before it reads the name
            _check_name(name, _READ_OTHERWISE, storage.url)
        return path
    if kind in _REMOTE:
        _check_name(storage.url.partition("://")[2], _READ_OTHERWISE_IN_URLS, storage.url)
        return storage.url
    raise problem(
        expected="a store that Delta Lake can write to (a folder, s3://, gs://, az://)",
        got=f"{kind}://",
        where=storage.url,
        do="put the archive on one of those",
    )


def _check_name(name: str, refused: re.Pattern[str], url: str) -> None:
    found = refused.search(name)
    if found is not None:
        raise problem(
            expected="an archive under a name that Delta Lake reads as it is written",
            got=f"{found[0]!r}",
            where=repr(url),
            do="give its folder, or the folder above, another name: letters, digits, spaces, `-`, `_` and `.` are safe",
        )


def delta_options(storage: Storage) -> dict[str, str]:
    """`storage_options` for deltalake, with live credentials: keep in memory only, ask anew each time.

    Raises:
        StorageError: there are no credentials.
    """
    if scheme(storage.url) != S3:
        return {}
    from pipeline.store.s3_session import CONNECT_TIMEOUT_S, open_bucket  # it brings fsspec

    bucket = open_bucket(storage.url, storage.options)
    endpoint, region = bucket.client_facts()
    credentials = bucket.credentials()
    options = {
        "AWS_REGION": region if region and region != "aws-global" else "us-east-1",
        "aws_conditional_put": "etag",
        "connect_timeout": f"{CONNECT_TIMEOUT_S}s",
        **_addressing(storage, endpoint),
    }
    if credentials is None:
        return {**options, "AWS_SKIP_SIGNATURE": "true"}
    key, secret, token = credentials
    options |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    return {**options, "AWS_SESSION_TOKEN": token} if token else options


def _addressing(storage: Storage, endpoint: str) -> dict[str, str]:
    """Where requests go, and whether the bucket's name is part of the host's."""
    is_aws = (urlsplit(endpoint).hostname or "").endswith(("amazonaws.com", "amazonaws.com.cn"))
    style = storage.options.addressing_style
    is_virtual = style == "virtual" or (style == "auto" and is_aws)
    options = {"AWS_VIRTUAL_HOSTED_STYLE_REQUEST": str(is_virtual).lower()}
    if not is_aws:
        bucket = f"{split_bucket(storage.url)[0]}." if is_virtual else ""
        options["AWS_ENDPOINT_URL"] = endpoint.replace("://", f"://{bucket}", 1)
        options["AWS_ALLOW_HTTP"] = str(endpoint.startswith("http://")).lower()
    return options
