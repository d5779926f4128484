"""What a URL stands for, however it is spelled: two names of one file or folder have one identity.

On a local disk that is the device and the inode, which symbolic links, hard links, bind mounts and moves leave alone.
Elsewhere it is the URL in its normal form.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from pipeline.errors import StorageError
from pipeline.store.member_urls import split_member_url
from pipeline.store.urls import LOCAL, local_path, normal, scheme

Identity = tuple[int, int] | str


def identity_of(url: str) -> Identity | None:
    """Of a file or folder; None where nothing is, or where the URL names nothing. A tar's member is in the tar."""
    inside = split_member_url(url)
    if inside is not None:
        return identity_of(inside[1])
    try:
        if scheme(url) not in LOCAL:
            return normal(url)
        status = os.stat(local_path(url))  # noqa: PTH116 no Path per file
    except (OSError, ValueError, StorageError):
        return None
    return (status.st_dev, status.st_ino)


def folder_identities(url: str) -> set[Identity]:
    """Of a root and, on a local disk, of every folder below it: any of them can be reached by other paths too."""
    own = identity_of(url)
    found = set() if own is None else {own}
    if scheme(url) in LOCAL:
        for folder, _, _ in os.walk(local_path(url)):
            if (one := identity_of(folder)) is not None:
                found.add(one)
    return found


def folders_above(url: str) -> Iterator[str]:
    """A folder's URL and those of all folders above it, up to the bucket or `/`."""
    head, separator, path = url.partition("://") if scheme(url) not in LOCAL else ("", "", local_path(url))
    while path:
        yield f"{head}{separator}{path}"
        path = path.rpartition("/")[0]
    if not separator:
        yield "/"
