"""Names of what lies in a tar: `tar://holiday/beach.jpg::s3://bucket/photos.tar`, as fsspec chains URLs.

In a member's name `%`, `:` and bytes that are no text are written %XX, so that the first `::` ends it.
"""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import unquote_to_bytes

_SCHEME: Final = "tar://"


def member_url(member: str, tar: str) -> str:
    """URL of a member.

    Args:
        member: its name in the tar; bytes that are no text as surrogates, as in `os`.
        tar: URL or absolute path of the tar.
    """
    name = "".join(f"%{ord(c) & 0xFF:02X}" if c in "%:" or 0xDC80 <= ord(c) <= 0xDCFF else c for c in member)
    return f"{_SCHEME}{name}::{tar}"


def split_member_url(url: str) -> tuple[str, str] | None:
    """Name of the member, and URL of the tar; None for the URL of anything else."""
    member, separator, tar = url.removeprefix(_SCHEME).partition("::")
    if not url.startswith(_SCHEME) or not separator:
        return None
    return os.fsdecode(unquote_to_bytes(member)), tar
