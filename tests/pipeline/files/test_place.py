"""Where an archive lies, in fsspec's words."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.files.place import archive_url, storage_options
from pipeline.store.options import StorageOptions


@pytest.mark.parametrize(
    ("path", "protocol", "url"),
    [
        ("bucket/archive", "s3", "s3://bucket/archive"),
        ("s3://bucket/archive", None, "s3://bucket/archive"),
        ("/data/archive", "file", "/data/archive"),
        ("archive", None, "archive"),
        ("/archive", "memory", "memory:///archive"),
    ],
)
def test_a_url_is_put_together_again(path: str, protocol: str | None, url: str) -> None:
    assert archive_url(path, protocol) == url


@pytest.mark.parametrize(
    ("path", "protocol", "message"),
    [
        ("", None, r"Expected an archive after tenfold://, got none"),
        ("bucket/archive", "simplecache", r"A cache stands before: simplecache::tenfold://KEY::URL"),
    ],
)
def test_what_names_no_archive(path: str, protocol: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        archive_url(path, protocol)


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({}, StorageOptions()),
        ({"anon": True, "use_listings_cache": False}, StorageOptions(anonymous=True)),
        ({"profile": "p", "retries": 2}, StorageOptions(profile="p", retries=2)),
        (
            {
                "client_kwargs": {"endpoint_url": "http://here:1", "region_name": "eu-1"},
                "config_kwargs": {"s3": {"addressing_style": "path"}},
            },
            StorageOptions(endpoint_url="http://here:1", region="eu-1", addressing_style="path"),
        ),
    ],
)
def test_options_in_the_words_of_s3fs(given: dict[str, Any], options: StorageOptions) -> None:
    assert storage_options(given, url="s3://bucket/archive") == options


def test_options_that_are_none() -> None:
    with pytest.raises(
        ConfigError, match=r"without credentials for s3://b, got key, secret\. Put them into the env"
    ):
        storage_options({"key": "AK", "secret": "hush"}, url="s3://b")
    with pytest.raises(ConfigError, match=r"Expected options of endpoint_url.* for s3://b, got colour\."):
        storage_options({"colour": "red", "anon": True}, url="s3://b")
    with pytest.raises(ConfigError, match="Expected options that can be for s3://b, got Input should be"):
        storage_options({"retries": 0}, url="s3://b")
    assert storage_options({"auto_mkdir": True}, url="/data") == StorageOptions()
