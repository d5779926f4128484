"""Keep freed memory in the process: images come in streams, and each one needs the buffers of the one before.

glibc gives large buffers back to the system as soon as they are freed, and takes them anew, page by page, for the next
image: a tenth of the time of encoding and decoding where it was measured (docs/benchmarks/2026-11-21-hyper-kodak.md).
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 256 << 20
"""Free memory above this still goes back."""
_LARGEST_KEPT: Final = 32 << 20
"""Buffers above this still come from the system, and go back to it: the largest value glibc takes."""


@cache
def keep_freed_memory() -> bool:
    """Tell this process's allocator, once; returns whether it could be told (glibc only)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT) and mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))
