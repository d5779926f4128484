"""A command as a process: what it prints through, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from jobs.terminal.exit_codes import INTERRUPTED, OK
from jobs.terminal.signals import hurry_on_signals
from jobs.terminal.streams import OutputLostError, code_after_output, take_standard_streams
from pipeline.stuck_calls import has_stuck_calls


def run_process(command: Callable[[], object]) -> NoReturn:
    """Run a command and end this process with its exit code, whatever is behind stdout and stderr.

    Args:
        command: ends with SystemExit, or returns; what else it raises is a bug.
    """
    hurry_on_signals(INTERRUPTED)
    stdout = take_standard_streams()
    code = OK
    try:
        command()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else OK
    except OutputLostError:  # told below
        pass
    code = code_after_output(code, stdout)
    hurry_on_signals(code)
    if has_stuck_calls():
        sys.stderr.flush()
        os._exit(code)
    raise SystemExit(code)
