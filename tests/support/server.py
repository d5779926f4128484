"""`tenfold serve` in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.road import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One that runs."""

    address: str
    """`http://127.0.0.1:PORT`"""
    process: subprocess.Popen[str]


@contextmanager
def serving(archive: str, *options: str) -> Iterator[Server]:
    """Serve an archive at a free port, and stop when it is done with; it must end well."""
    command = (sys.executable, "-m", "jobs.main", "serve", archive, "--port", "0", *options)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://"), address
        yield Server(address=address, process=process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0, process.returncode
