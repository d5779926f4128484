"""Catalogue files on trial in processes forked from one that has imported the readers: a process still, but at once.

Run as a script it is the one that is forked: a folder a line on its input, an exit code a line on its output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Lock
from typing import Final

from pipeline.archive import trial_reader

_SAID: Final = "said.txt"
_ROOT: Final = Path(__file__).resolve().parents[2]


class ReaderForks:
    """Takes the place of `pipeline.archive.trial.ended_reader`. The process that it forks starts at the first trial."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = Lock()
        self._forked: subprocess.Popen[str] | None = None

    def __call__(self, folder: Path) -> subprocess.CompletedProcess[str]:
        """What a reader said of a folder, and how it ended."""
        with self._lock:
            if self._forked is None:
                self._forked = _start()
            requests, answers = self._forked.stdin, self._forked.stdout
            assert requests is not None
            assert answers is not None
            requests.write(json.dumps(str(folder)) + "\n")
            requests.flush()
            code = int(answers.readline())
        said = (folder / _SAID).read_text(errors="replace")
        return subprocess.CompletedProcess(args=[], returncode=code, stdout=said)

    def close(self) -> None:
        """End the process that is forked."""
        if self._forked is not None:
            self._forked.communicate()


def _start() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.reader_forks"]
    return subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _serve() -> None:
    import pandas  # noqa: F401  Arrow does so at its first table

    for line in sys.stdin:
        folder = Path(json.loads(line))
        child = os.fork()
        if child == 0:
            said = os.open(folder / _SAID, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            os.dup2(said, 1)
            os.dup2(said, 2)
            trial_reader.main(folder)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    _serve()
