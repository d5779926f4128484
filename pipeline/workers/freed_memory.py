"""Memory that one image frees stays with the process for the next image.

Encoding or decoding a megapixel allocates and frees some 100 MB. glibc returns such memory to the kernel at once, and
every page that comes back is a page fault: a fifth of the codec's time (docs/benchmarks/2026-11-21-freed-memory.md).
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

KEPT_BYTES: Final = 256 << 20
"""What glibc may keep at the top of its heap: about what tiles need. A larger rest goes back as ever."""
_MAPPED_BYTES: Final = 32 << 20
"""Single blocks of this size, the largest that glibc can be told, or more, are mapped and go back when freed."""
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_OF_THE_USER: Final = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """Tell the whole process so; whether it was told. For processes that are ours, early, before threads start.

    Only glibc needs it, and the environment's own settings of malloc go first (mallopt(3)).
    """
    if sys.platform != "linux" or any(name in os.environ for name in _OF_THE_USER):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return (
        mallopt is not None
        and bool(mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES))
        and bool(mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES))
    )
