"""How deltalake reaches an archive: it has a client of its own, which takes URLs and options of its own."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from pipeline.store.failures import problem
from pipeline.store.s3_session import CONNECT_TIMEOUT_S, open_bucket
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, S3, local_path, scheme, split_bucket

_REMOTE: Final = (S3, "gs", "gcs", "az", "abfs", "abfss")


def delta_url(storage: Storage) -> str:
    """A root as deltalake wants it.

    Raises:
        StorageError: deltalake has no access to such a store.
    """
    kind = scheme(storage.url)
    if kind in LOCAL:
        return local_path(storage.url)
    if kind in _REMOTE:
        return storage.url
    raise problem(
        expected="a store that Delta Lake can write to (a folder, s3://, gs://, az://)",
        got=f"{kind}://",
        where=storage.url,
        do="put the archive on one of those",
    )


def delta_options(storage: Storage) -> dict[str, str]:
    """`storage_options` for deltalake, with live credentials: keep in memory only, ask anew each time.

    Raises:
        StorageError: there are no credentials.
    """
    if scheme(storage.url) != S3:
        return {}
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
