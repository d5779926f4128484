"""How many CPUs this process may use, which in a container is less than the machine has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

_MACHINE: Final = Path("/")


def usable_cpus() -> int:
    """CPUs to start workers and threads for: the least of what the machine has, what this process is bound to, and
    what its control group may use (whole CPUs, at least one). PYTHON_CPU_COUNT, Python's own variable, goes first.
    """
    setting = os.environ.get("PYTHON_CPU_COUNT", "")
    if setting.isdecimal() and int(setting) > 0:
        return int(setting)
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(bound, os.cpu_count() or 1, int(cpu_quota() or bound)))


def cpu_quota(machine: Path = _MACHINE) -> float | None:
    """CPUs that the control groups of this process may use together; None without a limit.

    Args:
        machine: where `/proc` and `/sys` lie.
    """
    return min(_quotas(machine), default=None)


def wait_passively() -> None:
    """Let threads of OpenMP sleep while they wait, unless the user said how. Call it before torch is loaded.

    Two that spin beside a busy process burn twenty times the CPU of the work itself.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def _quotas(machine: Path) -> Iterator[float]:
    """Of every group from that of this process up to the root: each binds."""
    try:
        groups = (machine / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # no Linux
        return
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        names = (controllers, "cpu") if controllers else ("", "unified")
        for mount in dict.fromkeys(machine / "sys/fs/cgroup" / name for name in names):
            for group in (PurePosixPath(path), *PurePosixPath(path).parents):
                quota = _quota_of(mount / group.relative_to("/"))
                if quota is not None:
                    yield quota


def _quota_of(group: Path) -> float | None:
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        share = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):  # `max`, or no such files
        return None
    return share if share > 0 else None
