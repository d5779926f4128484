"""`tenfold serve` in processes of its own: what they cost, seen from outside."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import psutil

from pipeline.errors import TenfoldError

_ENDS_WITHIN_S: Final = 30
_SHOWN_CHARACTERS: Final = 2000


class ServerFailedError(TenfoldError):
    """The server did not begin; the message holds the end of what it said."""


class ServerProcess:
    """A server that runs: the process that speaks HTTP, and those that decode below it."""

    def __init__(self, address: str, pid: int) -> None:
        """Take where it answers, and its process."""
        self.address = address
        self._http = psutil.Process(pid)

    def cpu_s(self) -> float:
        """User and system, of all its processes, and of those that ended."""
        return sum(map(_cpu_s, self._processes()))

    def http_bytes(self) -> int:
        """Memory of the process that speaks HTTP, with its part of what it shares."""
        return int(self._http.memory_full_info().pss)

    def decoder_bytes(self) -> int:
        """Memory of the largest process that decodes, with its part of what it shares."""
        return max((int(one.memory_full_info().pss) for one in self._processes()[1:]), default=0)

    def _processes(self) -> list[psutil.Process]:
        return [self._http, *self._http.children(recursive=True)]


@contextmanager
def serving(archive: str, options: Sequence[str]) -> Iterator[ServerProcess]:
    """Serve an archive at a free port of this machine until the end.

    Args:
        archive: its URL.
        options: further ones of `tenfold serve`.
    Raises:
        ServerFailedError: it did not begin.
    """
    command = [sys.executable, "-m", "tenfold", "serve", archive, "--port", "0", *options]
    with tempfile.TemporaryFile("w+") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            if not address:
                process.wait(_ENDS_WITHIN_S)
                stderr.seek(0)
                raise ServerFailedError(
                    f"Expected `{' '.join(command)}` to serve, got: {stderr.read()[-_SHOWN_CHARACTERS:].strip()}"
                )
            yield ServerProcess(address, process.pid)
        finally:
            process.terminate()
            process.communicate(timeout=_ENDS_WITHIN_S)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)
