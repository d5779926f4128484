"""Waiting for what another thread or process does in its own time, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(holds: Callable[[], bool]) -> None:
    """Return once something holds; pytest's own timeout ends a wait that is in vain."""
    while not holds():
        time.sleep(0.01)
