"""Whether an object that cannot be read is alone in that, or its whole store is out of reach.

A disk with a bad sector, and an object store that has lost its copies of an object, fail whenever that object is read,
and at nothing else: who takes that for the end of the store never gets past the object.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from pipeline.errors import StorageError, StoreDownError, UnreadableError

_MOST_IN_A_ROW: Final = 50
"""Objects failing so often without one that is read in between are not a matter of the objects."""


class ReadFailures:
    """Failures of one store to give objects back. For several threads."""

    def __init__(self) -> None:
        """None so far."""
        self._in_a_row = 0
        self._lock = threading.Lock()

    def succeeded(self) -> None:
        """An object was read."""
        self._in_a_row = 0

    def judged(self, error: StorageError, probe: Callable[[], None]) -> StorageError:
        """The failure of an object, as a StoreDownError if it is the store's, else as an UnreadableError.

        Args:
            error: it, worded.
            probe: asks the store for something else; raises StoreDownError where it does not answer.
        """
        with self._lock:
            self._in_a_row += 1
            is_down = self._in_a_row > _MOST_IN_A_ROW
        if not is_down:
            try:
                probe()
            except StoreDownError:
                is_down = True
            except OSError:  # an answer all the same: names may be listed elsewhere only
                pass
        return StoreDownError(str(error)) if is_down else UnreadableError(str(error))
