"""Which names are those of tars."""

from __future__ import annotations

from typing import Final

_COMPRESSIONS: Final = {
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
    return path.lower().endswith(tuple(_COMPRESSIONS)) and not path.rpartition("/")[2].startswith("._")


def compression_of(path: str) -> str | None:
    """What a tar of that name is compressed with; None if it is not."""
    return next((how for end, how in _COMPRESSIONS.items() if path.lower().endswith(end)), None)
