"""The source file of one image: its bytes and pixels, or the reason why there are none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from pipeline.errors import SourceError, StorageError, StoreDownError
from pipeline.image.read import ReadLimits, read_image
from pipeline.types import Image, Prior, ShardRow, SourceImage

_ANOTHER_VERSION: Final = (
    "the source now holds another version; `tenfold compress` or `tenfold retry-failed` takes it in"
)
"""The failed row says nothing of the file's version, so that the next run takes the file in."""


def read_or_reason(read: Callable[[SourceImage], bytes], source: SourceImage) -> bytes | str:
    """The bytes of a source image, or the reason why there are none.

    Args:
        read: gives the bytes of a source image; raises StorageError, SourceError or OSError.
        source: which image; if it has a SHA-256, other bytes than those are refused.

    Raises:
        StoreDownError: the whole store is out of reach: that says nothing about this image.
    """
    try:
        data = read(source)
    except FileNotFoundError:
        return "the source file is no longer there"
    except StoreDownError:
        raise
    except (StorageError, SourceError, OSError) as error:
        return f"the source file could not be read: {error}"
    if source.prior.sha256 not in (None, hashlib.sha256(data).hexdigest()):
        return _ANOTHER_VERSION
    return data


def original_file(row: ShardRow, read: Callable[[SourceImage], bytes]) -> bytes | str:
    """The file that an archived image was made from; a text says why there is none. `read` as for `read_or_reason`."""
    try:
        return read_or_reason(read, _source_of(row))
    except StoreDownError as error:
        return f"its source is out of reach: {error}"


def original_of(
    row: ShardRow, read: Callable[[SourceImage], bytes], *, limits: ReadLimits
) -> tuple[bytes, Image] | str:
    """The file that an archived image was made from, and its pixels; a text says why there are none.

    Args:
        read: as for `read_or_reason`.
        limits: what may be decoded.
    """
    data = original_file(row, read)
    if isinstance(data, str):
        return data
    image = read_image(data, limits=limits)
    if not isinstance(image, Image):
        return f"it has no 8-bit pixels to compare: {image.reason}"
    return data, image


def _source_of(row: ShardRow) -> SourceImage:
    """No later version of it."""
    return SourceImage(key=row.key, url=row.source_url, prior=Prior(sha256=row.source_sha256))
