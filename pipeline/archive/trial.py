"""Files of a catalogue that no seal vouches for are read on trial, in a process that may die of them.

A run is under way or was killed before it sealed its files, or another tool wrote them. deltalake's readers are
written in Rust: what they meet in a damaged file can abort the process, which no `except` catches.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pipeline.archive import trial_reader
from pipeline.archive.layout import CATALOGUE_FOLDER, LOG_FOLDER
from pipeline.archive.trial_reader import BEGUN, DAMAGED, DATA_FOLDER, SOUND, TABLE_FOLDER
from pipeline.errors import DamagedError

_TIMEOUT_S: Final = 1800.0


def read_on_trial(url: str, log: Mapping[str, bytes], data: Mapping[str, bytes]) -> None:
    """Read a version's log and some of its Parquet files in a process of its own.

    Args:
        url: of the archive, for the message.
        log: the files of the log that the version is read from, by their paths below the archive.
        data: Parquet files by their paths; those that the version does not refer to are left out.
    Raises:
        DamagedError: they cannot be read, or do not say the same.
    """
    with TemporaryDirectory(prefix="tenfold-") as folder:
        for path, content in log.items():
            _put(Path(folder, TABLE_FOLDER, path.removeprefix(f"{CATALOGUE_FOLDER}/")), content)
        for path, content in data.items():
            _put(Path(folder, DATA_FOLDER, path.removeprefix(f"{CATALOGUE_FOLDER}/")), content)
        where, got = _outcome(Path(folder))
    if got is not None:
        raise DamagedError(
            f"Expected a sound catalogue at {url}, got damage in {where}: {got.rstrip('.')}. No seal vouches for all "
            f"that was read: an unfinished run or another tool wrote it. Run `tenfold repair {url}`."
        )


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def ended_reader(folder: Path) -> subprocess.CompletedProcess[str]:
    """The process that reads a folder, at its end.

    Raises:
        subprocess.TimeoutExpired: it did not come to one.
    """
    # the file, not the module: it needs nothing of ours, and works from wherever this process was started
    command = [sys.executable, "-P", str(Path(trial_reader.__file__)), str(folder)]
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False
    )


def _outcome(folder: Path) -> tuple[str, str | None]:
    """Where the trial was last, and what is wrong there; None when it came to its end."""
    where = LOG_FOLDER
    try:
        ended = ended_reader(folder)
    except subprocess.TimeoutExpired:
        return where, f"a reader that did not end within {_TIMEOUT_S:.0f} s"
    for line in ended.stdout.splitlines():
        word, _, rest = line.partition(" ")
        if word == SOUND:
            return where, None
        if word == DAMAGED:
            return where, str(json.loads(rest))
        if word == BEGUN:
            where = f"{CATALOGUE_FOLDER}/{json.loads(rest)}"
    return where, f"a reader that died of it (exit code {ended.returncode})"
