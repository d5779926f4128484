"""Freed memory comes back without page faults, unless the environment has malloc set up otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_ROUNDS = 4
_FAULTS = f"""
import resource
import numpy as np
from pipeline.workers.freed_memory import keep_freed_memory

print(keep_freed_memory() if {{keeps}} else None)

def image():
    planes = [np.ones(1 << 20, np.float32) for _ in range(12)]

image()
image()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({_ROUNDS}):
    image()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize())
"""


def _faulted(*, keeps: bool, **environment: str) -> tuple[str, float]:
    """What `keep_freed_memory` said, and the bytes that an image of 48 MiB faults in, on average."""
    ran = subprocess.run(
        [sys.executable, "-c", _FAULTS.format(keeps=keeps)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    said, faulted = ran.stdout.split()
    return said, int(faulted) / _ROUNDS


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_what_was_freed_is_used_again() -> None:
    said, faulted = _faulted(keeps=True)
    assert said == "True"
    assert faulted < 1 << 20
    assert _faulted(keeps=False)[1] > 8 << 20, "malloc does so by itself here: the setting is not needed"


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_the_environment_goes_first() -> None:
    said, faulted = _faulted(keeps=True, MALLOC_TRIM_THRESHOLD_="131072")
    assert said == "False"
    assert faulted > 8 << 20
