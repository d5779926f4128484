"""Verbs in processes that can be killed: forked from a server that has imported everything, so one costs little."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pipeline.archive.trial
import pipeline.store.s3_store
from jobs.main import VERBS, app, load_verb
from pipeline.archive import trial_reader
from pipeline.store.local_store import LocalStore

for verb in VERBS:
    load_verb(verb)
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "tests.chaos.ahead"])
_CHANGES = ("write", "create", "delete")


def start(*words: str | Path, log: Path, die_at: int | None = None) -> BaseProcess:
    """Start a verb.

    Args:
        log: gets what it prints.
        die_at: it kills itself at this change of the store: an even number before it, an odd one after it.
    """
    arguments = ([str(word) for word in words], log, die_at, dict(os.environ))
    process = _FORKS.Process(target=_main, args=arguments)
    process.start()
    return process


def finish(*words: str | Path, log: Path, timeout_s: float = 300.0) -> int:
    """Run a verb to its end; its exit code."""
    process = start(*words, log=log)
    process.join(timeout_s)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError(f"{words} did not end in {timeout_s} s")
    return process.exitcode


def _main(words: list[str], log: Path, die_at: int | None, environment: dict[str, str]) -> None:
    os.environ.clear()  # the server of the forks has that of its own start
    os.environ.update(environment)
    with log.open("a") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
        print("$", *words, f"# to die at {die_at}" if die_at is not None else "", flush=True)
        pipeline.archive.trial.ended_reader = _ended_reader
        if die_at is not None:
            _arm(die_at)
        sys.argv = ["tenfold", *words]
        app()


def _ended_reader(folder: Path) -> CompletedProcess[str]:
    """As in `pipeline.archive.trial`: of a process too, but of one that is forked."""
    said = folder / "said.txt"
    process = _FORKS.Process(target=_read_on_trial, args=(folder, said))
    process.start()
    process.join()
    assert process.exitcode is not None
    return CompletedProcess(args=[], returncode=process.exitcode, stdout=said.read_text(errors="replace"))


def _read_on_trial(folder: Path, said: Path) -> None:
    with said.open("w") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    trial_reader.main(folder)


def _arm(die_at: int) -> None:
    seen = 0

    def armed(change: Callable[..., Any]) -> Callable[..., Any]:
        def changing(*args: Any, **kwargs: Any) -> Any:
            nonlocal seen
            now = seen
            seen += 1
            if now == die_at and die_at % 2 == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            result = change(*args, **kwargs)
            if now == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return changing

    for store in (LocalStore, pipeline.store.s3_store.S3Store):
        for name in _CHANGES:
            setattr(store, name, armed(getattr(store, name)))
