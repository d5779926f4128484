"""URLs and local paths as one kind of name: normal form, parts, and no credentials inside.

A plain path is taken literally. `file://` URLs are percent-decoded (RFC 8089), and are how a local path whose
bytes are no text is written. In `s3://` and other URLs nothing is decoded: the rest of the URL is the name.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

from pipeline.store.failures import problem, redact

LOCAL = ("", "file")
"""What `scheme` gives for something on this machine's disk."""
S3 = "s3"


def scheme(url: str) -> str:
    """Protocol of a URL in lower case, `s3a` being `s3`; '' for a plain path."""
    head, separator, _ = url.partition("://")
    if not separator or not head.replace("+", "").replace("-", "").isalnum():
        return ""
    return S3 if head.lower() == "s3a" else head.lower()


def folder_here(folder: str | os.PathLike[str]) -> Path:
    """A folder of this machine, for what reads and writes files.

    Raises:
        StorageError: it is a URL, or what `Path` made of one: its files would lie below a folder called `s3:`.
    """
    path = Path(folder)
    if len(path.parts) > 1 and path.parts[0].endswith(":"):
        raise problem(
            expected="a folder of this machine",
            got=f"a URL that begins with {path.parts[0]}",
            where=str(folder),
            do="name a folder on a local disk",
        )
    return path


def normal(url: str | os.PathLike[str]) -> str:
    """Absolute and without trailing slash.

    Raises:
        StorageError: the URL is empty, names no bucket, or has credentials in it.
    """
    text = os.fspath(url)
    if not text:
        raise problem(expected="a path or URL", got="an empty one", where="the command line", do="give one")
    kind = scheme(text)
    if kind in LOCAL:
        return local_url(local_path(text))
    rest = text.partition("://")[2]
    host = rest.partition("/")[0]
    check_no_secret(text)
    if not host and kind != "memory":
        raise problem(expected=f"{kind}://bucket/prefix", got="no bucket", where=text, do="name the bucket")
    return f"{kind}://" + (rest if host else rest.lstrip("/")).rstrip("/")


def check_no_secret(url: str) -> None:
    """Refuse a URL that holds a password or a signature: every record of a run shows its URLs.

    Raises:
        StorageError: it does.
    """
    kind = scheme(url)
    secret = "@" in url.partition("://")[2].partition("/")[0]
    if kind not in (*LOCAL, S3, "memory"):  # there a name may hold what looks like a query
        secret = secret or redact(url) != url
    if secret and kind not in LOCAL:
        raise problem(
            expected="a URL without credentials",
            got="a user name, password or signature inside it",
            where=redact(url),
            do="put credentials into the environment or a profile, where no record of the run can show them",
        )


def check_endpoint(url: str) -> None:
    """Refuse an endpoint that is no http(s) URL or holds credentials.

    Raises:
        StorageError: it is one.
    """
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        _ = parts.port  # raises when it is no number
    except ValueError:
        sound = False
    if not sound:
        raise problem(
            expected="an endpoint like https://host:port, without credentials",
            got=repr(redact(url)),
            where="the storage options or AWS_ENDPOINT_URL",
            do="correct it",
        )


def split_url(url: str) -> tuple[str, str]:
    """Cut an object's URL or absolute path into a root for `Storage` and the path below it.

    Roots are as wide as a connection is: the bucket, the host, or `/`.
    """
    if scheme(url) in LOCAL:
        return "/", local_path(url).lstrip("/")
    root, _, path = url.partition("://")[2].partition("/")
    return f"{scheme(url)}://{root}", path


def split_bucket(url: str) -> tuple[str, str]:
    """Bucket and prefix of an s3:// URL."""
    bucket, _, prefix = url.partition("://")[2].partition("/")
    return bucket, prefix


def local_path(url: str) -> str:
    """Absolute path of a plain path or file:// URL; undecodable bytes become surrogates, as in `os`."""
    if scheme(url) == "file":
        rest = url.partition("://")[2]
        rest = rest.removeprefix("localhost") if rest.startswith("localhost/") else rest
        return os.path.abspath(os.fsdecode(unquote_to_bytes(rest)))  # noqa: PTH100 Path keeps `..`
    return os.path.abspath(os.path.expanduser(url))  # noqa: PTH100, PTH111 Path keeps `..`


def has_text_name(url: str) -> bool:
    """Whether the name in a URL can be written as text: not, where its bytes are no UTF-8."""
    try:
        (local_path(url) if scheme(url) == "file" else url).encode()
    except UnicodeEncodeError:
        return False
    return True


def local_url(path: str) -> str:
    """An absolute path itself, or its file:// URL when its bytes are no text."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return f"file://{quote_from_bytes(os.fsencode(path))}"
    return path
