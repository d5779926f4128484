"""What never changes in an archive carries the hash of its content in its name: shards, seals, marks, comparisons."""

from __future__ import annotations

import hashlib


def sha16(data: bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]
