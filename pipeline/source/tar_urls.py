"""Names of tars and of what lies in them: `tar://holiday/beach.jpg::s3://bucket/photos.tar`, as fsspec chains URLs.

In a member's name `%`, `:` and bytes that are no text are written %XX, so that the first `::` ends it.
"""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import unquote_to_bytes

from pipeline.source.keys import utf8_key

_SCHEME: Final = "tar://"
COMPRESSIONS: Final = {
    ".tar": None,
    ".tar.gz": "gzip",
    ".tgz": "gzip",
    ".tar.bz2": "bz2",
    ".tbz2": "bz2",
    ".tar.xz": "xz",
    ".txz": "xz",
    ".tar.zst": "zstd",
    ".tzst": "zstd",
}
"""How a tar is compressed, by the end of its name."""


def is_tar_name(path: str) -> bool:
    """Whether a name is that of a tar, compressed or not."""
    return path.lower().endswith(tuple(COMPRESSIONS)) and not path.rpartition("/")[2].startswith("._")


def compression_of(path: str) -> str | None:
    """What a tar of that name is compressed with; None if it is not."""
    return next((how for end, how in COMPRESSIONS.items() if path.lower().endswith(end)), None)


def member_url(member: str, tar: str) -> str:
    """URL of a member.

    Args:
        member: its name in the tar.
        tar: URL or absolute path of the tar.
    """
    return f"{_SCHEME}{utf8_key(member.replace('%', '%25').replace(':', '%3A'))}::{tar}"


def split_member_url(url: str) -> tuple[str, str] | None:
    """Name of the member, and URL of the tar; None for the URL of anything else."""
    member, separator, tar = url.removeprefix(_SCHEME).partition("::")
    if not url.startswith(_SCHEME) or not separator:
        return None
    return os.fsdecode(unquote_to_bytes(member)), tar
