"""Calls into a library that may never return."""

from __future__ import annotations

import threading
from collections.abc import Callable

_stuck: list[threading.Thread] = []


def returns_in_time(call: Callable[[], None], *, timeout_s: float, name: str) -> bool:
    """Whether a call, in a thread of its own, came back; else it is left to itself."""
    thread = threading.Thread(target=call, name=name, daemon=True)
    thread.start()
    try:
        thread.join(timeout_s)
    finally:  # whoever waits may be interrupted
        if thread.is_alive():
            _stuck.append(thread)
    return not thread.is_alive()


def has_stuck_calls() -> bool:
    """Whether Python cannot end in an orderly way: such a thread crashes when it takes the interpreter away."""
    return any(thread.is_alive() for thread in _stuck)
