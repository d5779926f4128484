"""A command as a process: streams that are closed, full, gone or poor in characters, and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.road import ROOT
from tests.support.waiting import wait_until

COMMANDS = """
import errno, os, sys, time
import jobs
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, say
from jobs.terminal.process import run_process
from jobs.terminal.streams import product_is_printed

def works():
    open("made", "w").write("whole")
    print("words \\U0001f600 " * 2000)
    say("said \\U0001f600")
    raise SystemExit(3)

def lists():
    product_is_printed()
    for number in range(20000):
        print("line", number, "\\U0001f600")

def fills():
    with clear_errors():
        raise OSError(errno.ENOSPC, "No space left on device")

def tells():
    print_json({"key": "\\U0001f600 \\udcff"})

def waits():
    with clear_errors():
        try:
            open("up", "w").close()
            time.sleep(60)
        finally:
            time.sleep(0.2)
            print("cleaned", flush=True)

def fails_when_killed():
    with clear_errors():
        try:
            open("up", "w").close()
            time.sleep(60)
        finally:
            raise ValueError("the workers were killed as well")

run_process(globals()[sys.argv[1]])
"""


def started(
    command: str, cwd: Path, *, shell: str = "", env: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """One of the commands, its streams redirected as a shell would."""
    words = ["sh", "-c", f'exec "$@" {shell}', "sh", sys.executable, "-c", COMMANDS, command]
    return subprocess.Popen(
        words,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


FULL = "Expected to write to stdout, got: No space left on device. What was printed is not whole"
CLOSED = "Expected to write to stdout, got: Bad file descriptor. What was printed is not whole"


@pytest.mark.parametrize(
    ("command", "shell", "code", "message"),
    [
        ("works", "", 3, "said"),
        ("works", ">&-", 3, "said"),
        ("works", "2>&-", 3, ""),
        ("works", "<&- >&- 2>&-", 3, ""),
        ("works", ">/dev/full", 3, f"{FULL}; the work is."),
        ("works", ">/dev/full 2>/dev/full", 3, ""),
        ("works", "| head -c 10; exit 3", 3, "said"),
        ("lists", "", 0, ""),
        ("lists", ">&-", 1, f"error: {CLOSED}."),
        ("lists", ">/dev/full", 1, f"error: {FULL}."),
        ("fills", "<&-", 1, "error: Expected room for temporary files in "),
    ],
)
def test_the_code_of_the_work_stays(
    command: str, shell: str, code: int, message: str, tmp_path: Path
) -> None:
    process = started(command, tmp_path, shell=shell, env={"PYTHONIOENCODING": "ascii"})
    out, err = process.communicate()
    assert process.returncode == code
    assert message in err
    assert "Traceback" not in err
    if not shell:
        assert "\\U0001f600" in out
    if command == "works":
        assert (tmp_path / "made").read_text() == "whole"  # and not what was printed


@pytest.mark.parametrize(("command", "code"), [("works", 3), ("lists", 0)])
def test_who_stops_reading_is_no_error(command: str, code: int, tmp_path: Path) -> None:
    with started(command, tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == code
    assert said.strip() == ("said \U0001f600" if command == "works" else "")


def test_json_is_json_whatever_stdout_knows(tmp_path: Path) -> None:
    process = started("tells", tmp_path, env={"PYTHONIOENCODING": "latin-1"})
    out, _ = process.communicate()
    assert process.returncode == 0
    assert json.loads(out) == {"key": "\U0001f600 \udcff"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("command", ["waits", "fails_when_killed"])
def test_a_polite_kill_is_130(number: signal.Signals, command: str, tmp_path: Path) -> None:
    process = started(command, tmp_path)
    wait_until((tmp_path / "up").exists)
    process.send_signal(number)
    process.send_signal(number)  # as `timeout` does, to the process and to its group
    out, err = process.communicate()
    assert process.returncode == 130
    assert out == ("cleaned\n" if command == "waits" else "")
    assert err.strip() == "Stopped. Run the same command to begin again."
