"""URLs and paths: one normal form, and no credentials."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.store.failures import redact
from pipeline.store.storage import Storage
from pipeline.store.urls import folder_here, split_url


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("s3://b/p/", "s3://b/p"),
        ("S3A://b/p//", "s3://b/p"),
        ("s3://b", "s3://b"),
        ("s3://b/a b/ü#?x", "s3://b/a b/ü#?x"),
        ("memory://", "memory://"),
        ("memory:///x/", "memory://x"),
        ("/data/../tmp/x/", "/tmp/x"),
        ("/", "/"),
        ("file:///tmp/x/", "/tmp/x"),
        ("file://localhost/tmp/a%20b%25", "/tmp/a b%"),
        ("/tmp/a%20b", "/tmp/a%20b"),
        ("/tmp/10:30", "/tmp/10:30"),
    ],
)
def test_normal_form(given: str, normal: str) -> None:
    assert Storage(given).url == normal
    assert Storage(normal).url == normal
    assert repr(Storage(given)) == f"Storage({normal!r})"


def test_relative_and_home_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Storage("archive").url == str(tmp_path / "archive")
    assert Storage(Path("archive")).url == str(tmp_path / "archive")
    assert Storage("~/archive").url == str(tmp_path / "home" / "archive")


def test_a_path_that_is_no_text_has_a_url_that_is() -> None:
    storage = Storage(os.fsdecode(b"/data/caf\xe9"))
    assert storage.url == "file:///data/caf%E9"
    assert Storage(storage.url).url == storage.url


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "Expected a path or URL, got an empty one"),
        ("s3://", "Expected s3://bucket/prefix, got no bucket"),
        ("s3://key:hunter2@bucket/x", r"without credentials.* at s3://\*\*\*@bucket/x"),
        ("sftp://me:hunter2@host/x", r"without credentials.* at sftp://\*\*\*@host/x"),
        ("https://h/a.png?X-Amz-Signature=hunter2&x=1", r"at https://h/a.png\?X-Amz-Signature=\*\*\*&x=1"),
    ],
)
def test_urls_that_are_refused(url: str, message: str) -> None:
    with pytest.raises(StorageError, match=message) as caught:
        Storage(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "root", "path"),
    [
        ("/data/a.png", "/", "data/a.png"),
        ("file:///data/a%20b.png", "/", "data/a b.png"),
        ("s3://bucket/a//b?c.png", "s3://bucket", "a//b?c.png"),
        ("s3://bucket//lead", "s3://bucket", "/lead"),
        ("https://host:8/a/b.png?x=1", "https://host:8", "a/b.png?x=1"),
    ],
)
def test_split(url: str, root: str, path: str) -> None:
    assert split_url(url) == (root, path)


def test_redaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "correct horse")
    text = "at https://u:p@h/x?a=1&Signature=abc&AWSAccessKeyId=AKIA&b=2 with correct horse"
    assert redact(text) == "at https://***@h/x?a=1&Signature=***&AWSAccessKeyId=***&b=2 with ***"


@pytest.mark.parametrize("folder", ["s3://bucket/cache", Path("s3://bucket/cache"), "file:///tmp/cache"])
def test_a_cache_lies_on_this_machine(folder: str | Path) -> None:
    with pytest.raises(StorageError, match=r"got a URL that begins with (s3|file):"):
        folder_here(folder)
    assert folder_here("cache:1/x").parts == ("cache:1", "x")
