"""Where an archive lies, as fsspec says it: a path without its protocol, and options in the words of s3fs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from pipeline.errors import ConfigError
from pipeline.store.options import StorageOptions
from pipeline.store.urls import LOCAL, scheme

_CACHES: Final = ("simplecache", "filecache", "blockcache", "cached")
_SECRETS: Final = ("key", "secret", "token", "password", "username")
OF_FSSPEC: Final = ("use_listings_cache", "listings_expiry_time", "max_paths", "skip_instance_cache")
"""Options of every filesystem of fsspec, which mean nothing here."""


def archive_url(path: str, protocol: str | None) -> str:
    """The URL of an archive.

    Args:
        path: without its protocol, or a URL.
        protocol: None for what the path says.
    Raises:
        ConfigError: no archive is named, or a cache is.
    """
    kind = scheme(path) or protocol or ""
    if kind in _CACHES:
        raise ConfigError(
            f"Expected the archive's own URL after tenfold://, got {kind}. A cache stands before: "
            f"{kind}::tenfold://KEY::URL, and holds finished files."
        )
    if not path:
        raise ConfigError(
            "Expected an archive after tenfold://, got none: tenfold://KEY::s3://bucket/archive, or "
            "fsspec.filesystem('tenfold', fo='s3://bucket/archive')."
        )
    return path if scheme(path) or kind in LOCAL else f"{kind}://{path}"


def storage_options(given: Mapping[str, Any], *, url: str) -> StorageOptions:
    """How to reach the store of an archive.

    Args:
        given: as `StorageOptions` has them, or as s3fs does: `anon`, `client_kwargs`, `config_kwargs`.
        url: of the archive.
    Raises:
        ConfigError: there is no such option, or it is a secret.
    """
    if scheme(url) in LOCAL:
        return StorageOptions()
    secrets = [name for name in _SECRETS if given.get(name) is not None]
    if secrets:
        raise ConfigError(
            f"Expected options without credentials for {url}, got {', '.join(secrets)}. Put them into the "
            "environment or a profile: options are pickled, and shown."
        )
    rest = {name: value for name, value in given.items() if name not in (*OF_FSSPEC, *_SECRETS)}
    client, config = rest.pop("client_kwargs", None) or {}, rest.pop("config_kwargs", None) or {}
    from_client = {
        "endpoint_url": rest.pop("endpoint_url", None) or client.get("endpoint_url"),
        "region": rest.pop("region", None) or client.get("region_name"),
        "anonymous": rest.pop("anon", None),
        "addressing_style": (config.get("s3") or {}).get("addressing_style"),
    }
    rest |= {name: value for name, value in from_client.items() if value is not None}
    unknown = [name for name in rest if name not in StorageOptions.model_fields]
    if unknown:
        choices = ", ".join([*StorageOptions.model_fields, "anon", "client_kwargs", "config_kwargs"])
        raise ConfigError(f"Expected options of {choices} for {url}, got {', '.join(unknown)}.")
    try:
        return StorageOptions(**rest)
    except ValidationError as error:
        raise ConfigError(
            f"Expected options that can be for {url}, got {error.errors()[0]['msg']}."
        ) from error
