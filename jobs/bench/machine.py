"""What a measurement was made on: machine, versions, commit, date."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from codec.cpus import usable_cpus
from pipeline.own_code import FOLDER, IS_INSTALLED, VERSION

_PACKAGES = ("torch", "numpy", "pillow", "scipy")
_GIT_S = 10


def machine() -> str:
    """Cores, processor, Python."""
    return f"{usable_cpus()} cores, {_processor()}, Python {platform.python_version()}"


def circumstances() -> dict[str, Any]:
    """All that a table of numbers should say about itself."""
    return {
        "machine": machine(),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "versions": {"tenfold": VERSION, **{package: _version(package) for package in _PACKAGES}},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _commit() -> str | None:
    """Of the working tree this code lies in, with `+` when it has changes; None where it is installed."""
    if IS_INSTALLED:  # a virtualenv may lie in the working tree of something else
        return None
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=10"],
            cwd=FOLDER,
            capture_output=True,
            text=True,
            timeout=_GIT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip() or None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
