"""Whether the processes of Ray that a driver cannot do without still answer.

Ray waits for ever when its process on the driver's node is gone, and ends the driver when the cluster's head is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.errors import TenfoldError
from pipeline.workers.ray_address import ask

_ASK_EVERY_S: Final = 2.0
_ANSWER_TIMEOUT_S: Final = 3.0
_PATIENCE_S: Final = 30.0
"""A machine that is short of everything may be silent for so long, and a head may be restarted. Ray ends a driver that
has no head after 60 s."""
_REFUSALS: Final = 3
"""So many in a row, of a process that does not come back, are its death."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RayProcess:
    """Something that must answer."""

    name: str
    host: str
    port: int
    comes_back: bool
    """Whether it may be restarted at the same address."""


@dataclass(slots=True, kw_only=True)
class _Silence:
    """How long a process has not answered."""

    since: float
    refusals: int = 0


class Lifeline:
    """Asks, when it is time, whether all answer. For one thread."""

    def __init__(self, processes: Sequence[RayProcess], *, patience_s: float = _PATIENCE_S) -> None:
        """Ask nothing yet."""
        self._processes = processes
        self._patience_s = patience_s
        self._silences: dict[RayProcess, _Silence] = {}
        self._asked_at = time.monotonic()
        self.is_cut = False
        """A process was found gone: calls into Ray may never return."""

    def check(self) -> None:
        """Ask all again, unless that was done just now.

        Raises:
            TenfoldError: one is gone, or has been silent for too long.
        """
        if self.is_cut or time.monotonic() - self._asked_at >= _ASK_EVERY_S:
            self.check_now()

    def check_now(self) -> None:
        """Ask all.

        Raises:
            TenfoldError: as `check`.
        """
        for process in self._processes:
            self._ask(process)
        self._asked_at = time.monotonic()

    def _ask(self, process: RayProcess) -> None:
        began = time.monotonic()
        try:
            ask(process.host, process.port, timeout_s=_ANSWER_TIMEOUT_S)
        except OSError as error:
            silence = self._silences.setdefault(process, _Silence(since=began))
            silence.refusals += isinstance(error, ConnectionRefusedError) and not process.comes_back
            seconds = time.monotonic() - silence.since
            if silence.refusals >= _REFUSALS or seconds >= self._patience_s:
                self.is_cut = True
                raise TenfoldError(
                    f"Expected {process.name} at {process.host}:{process.port} to answer, got nothing for "
                    f"{seconds:.0f} s ({error}): it was killed, perhaps for want of memory, or its machine is gone. "
                    "What is finished is kept; run the same command again to go on."
                ) from error
        else:
            self._silences.pop(process, None)
