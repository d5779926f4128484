"""Threads that wait for stores: one set a process, made when first used, however many archives it reads.

A set for each image would cost more than the reads that it does, and a server would have thousands of threads.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

_THREADS: Final = 32
"""Half of the connections that a process holds to one S3 endpoint."""
_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_abandoned: list[ThreadPoolExecutor] = []


def shared_threads() -> ThreadPoolExecutor:
    """The threads of this process; Python ends them when it exits.

    Work given to them must not wait for other work given to them: all could be waiting.
    """
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="store")
        return _pool


def _after_fork() -> None:
    """A child has none of its parent's threads, and another of them may have held the lock."""
    global _lock, _pool
    _lock = threading.Lock()
    if _pool is not None:
        _abandoned.append(
            _pool
        )  # kept from collection, which would write to a queue that a thread may have held
        _pool = None


os.register_at_fork(after_in_child=_after_fork)
