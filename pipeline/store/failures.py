"""How failures of stores are worded: expected, got, where, what to do. No message made here ever holds a secret."""

from __future__ import annotations

import os
import re

from pipeline.errors import StorageError

_SECRET_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")
_SIGNED = re.compile(
    r"(?i)([?&;](?:x-amz-[a-z-]+|x-goog-[a-z-]+|awsaccesskeyid|signature|sig|se|sp|sv|token|access_token"
    r"|key-pair-id|policy|expires)=)[^&\s'\"]*"
)


def redact(text: str) -> str:
    """Take user names, passwords, signatures and the environment's AWS credentials out of a text or URL."""
    text = _SIGNED.sub(r"\1***", _USERINFO.sub("***@", text))
    for name in _SECRET_VARIABLES:
        value = os.environ.get(name, "")
        if len(value) >= 8:
            text = text.replace(value, "***")
    return text


def _message(text: str) -> str:
    """Redacted, and fit for a log or a Parquet column even when a file name is no text."""
    return redact(text).encode("utf-8", "backslashreplace").decode()


def problem(
    *, expected: str, got: str, where: str, do: str, kind: type[StorageError] = StorageError
) -> StorageError:
    """Word a failure of a store."""
    return kind(_message(f"Expected {expected}, got {got} at {where}; {do}."))


def missing(where: str, got: str = "nothing there") -> FileNotFoundError:
    """Word the absence of one object."""
    return FileNotFoundError(
        _message(
            f"Expected an object, got {got} at {where}; check the name, or whether something removed it."
        )
    )


def short_read(where: str, *, offset: int, length: int, got: int) -> StorageError:
    """Word a range that reaches past the end of its object."""
    return problem(
        expected=f"{length} bytes from offset {offset}",
        got=f"{got}",
        where=where,
        do="the object is shorter than its record says: it was truncated or replaced",
    )
