"""Hold the whole process to one core while it is timed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch

_LOOK_S = 0.3


@contextmanager
def one_core() -> Iterator[str]:
    """One thread for torch, and on Linux every thread of the process on the one core that is idlest now, so that
    no library can take a second. Gives out how, in words; afterwards all is as it was.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if sys.platform == "linux":
            cores = os.sched_getaffinity(0)
            core = _idlest(cores)
            _hold_to({core})
            try:
                yield f"every thread of the process held to core {core}; torch threads 1"
            finally:
                _hold_to(cores)
        else:
            yield "torch threads 1; this system cannot hold a process to one core"
    finally:
        torch.set_num_threads(threads)


def _idlest(cores: set[int]) -> int:
    busy = dict(enumerate(psutil.cpu_percent(interval=_LOOK_S, percpu=True)))
    return min(cores, key=lambda core: (busy.get(core, 100.0), core))


def _hold_to(cores: set[int]) -> None:
    if sys.platform != "linux":
        return
    for task in Path("/proc/self/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), cores)
        except ProcessLookupError:  # a thread that has just ended
            continue
