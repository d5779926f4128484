"""What a piece of work costs, measured in a process of its own: what it loads and leaves behind is nobody else's."""

from __future__ import annotations

import os
import resource
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from pipeline.bench.counting_proxy import CountingProxy, Traffic
from pipeline.errors import TenfoldError
from pipeline.workers.freed_memory import keep_freed_memory

_PROC: Final = Path("/proc/self")
_FORGET_PEAK: Final = "5"
"""Tells Linux to forget how much memory a process has had (proc(5), clear_refs)."""
_SHOWN_CHARACTERS: Final = 2000


class WorkFailedError(TenfoldError):
    """What was to be measured failed; the message holds the end of what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCost:
    """What a piece of work took. Where it was done many times, this is of one time, but for the memory."""

    cpu_s: float
    """User and system, of the process and of those it ended."""
    wall_s: float
    peak_bytes: int
    """Of memory that was resident, all that the process had loaded before included."""
    requests: float | None
    """Of all verbs; None where no proxy counts."""
    read_bytes: float
    """Through the proxy; without one, what the kernel was asked for, whatever its cache held, without mapped files."""
    written_bytes: float
    by_verb: dict[str, float] = field(default_factory=dict)
    """Requests."""
    notes: dict[str, float] = field(default_factory=dict)
    """What the work itself tells of its outcome."""


class Meter:
    """Counts what happens inside `counting`, once."""

    def __init__(self, mark: Callable[[], None] = lambda: None) -> None:
        """Take what is to be called when counting begins and when it ends."""
        self._mark = mark
        self.cost: WorkCost | None = None
        """None until `counting` ended."""
        self.times = 1
        """How often the work was done inside."""
        self.notes: dict[str, float] = {}

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what happens inside."""
        self._mark()
        _forget_peak()
        before, started = _Spent.now(), time.perf_counter()
        yield
        wall_s, after = time.perf_counter() - started, _Spent.now()
        self._mark()
        self.cost = WorkCost(
            cpu_s=(after.cpu_s - before.cpu_s) / self.times,
            wall_s=wall_s / self.times,
            peak_bytes=_peak_bytes(),
            requests=None,
            read_bytes=(after.read_bytes - before.read_bytes) / self.times,
            written_bytes=(after.written_bytes - before.written_bytes) / self.times,
            notes=self.notes,
        )


def measure(work: Callable[[Meter], None], *, proxy: CountingProxy | None = None) -> WorkCost:
    """Do a work that counts itself in a fresh Python, which has this process's environment.

    Args:
        work: can be pickled; what it prints is thrown away.
        proxy: what it reads and writes goes through this one.
    Raises:
        WorkFailedError: it failed.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as said:
        process = context.Process(target=_work, args=(theirs, said.name, work))
        process.start()
        theirs.close()
        try:
            cost, times, traffic = _follow(ours, proxy)
        except EOFError:
            process.join()
            got = said.read()[-_SHOWN_CHARACTERS:].strip() or "not a word"
            raise WorkFailedError(
                f"Expected the work to come to its end, got exit code {process.exitcode} and: {got}"
            ) from None
        except BaseException:  # the work would wait for ever to be heard
            process.terminate()
            raise
        finally:
            process.join()
    return cost if proxy is None else _with_traffic(cost, traffic, times)


def _follow(ours: Connection, proxy: CountingProxy | None) -> tuple[WorkCost, int, Traffic]:
    """Note what went through the proxy whenever the work says so, until it says what it cost."""
    readings: list[Traffic] = []
    while (came := ours.recv()) is None:
        readings.append(Traffic() if proxy is None else proxy.traffic())
        ours.send(None)
    cost, times = came
    return cost, times, readings[-1].since(readings[0])


def _with_traffic(cost: WorkCost, traffic: Traffic, times: int) -> WorkCost:
    return replace(
        cost,
        requests=sum(traffic.by_verb.values()) / times,
        read_bytes=traffic.read_bytes / times,
        written_bytes=traffic.written_bytes / times,
        by_verb={verb: count / times for verb, count in sorted(traffic.by_verb.items())},
    )


def _work(theirs: Connection, said: str, work: Callable[[Meter], None]) -> None:
    """What the other process does: it says nothing more where the work fails."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(said, os.O_WRONLY | os.O_APPEND), 2)
    keep_freed_memory()

    def mark() -> None:
        theirs.send(None)
        theirs.recv()

    meter = Meter(mark)
    try:
        work(meter)
    except (Exception, SystemExit):  # noqa: BLE001 whatever it is: the other side tells it
        traceback.print_exc()
    else:
        theirs.send((meter.cost, meter.times))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spent:
    cpu_s: float
    read_bytes: int
    written_bytes: int

    @classmethod
    def now(cls) -> _Spent:
        who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        counts = _facts("io")
        return cls(
            cpu_s=sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, who)),
            read_bytes=counts.get("rchar", 0),
            written_bytes=counts.get("wchar", 0),
        )


def _forget_peak() -> None:
    try:
        (_PROC / "clear_refs").write_text(_FORGET_PEAK)
    except OSError:  # not Linux: the peak is that since the process began
        return


def _peak_bytes() -> int:
    kibibytes = _facts("status").get("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes * 1024


def _facts(name: str) -> dict[str, int]:
    """The numbers in a file of Linux about this process; empty elsewhere."""
    try:
        lines = (_PROC / name).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    words = (line.replace(":", " ").split() for line in lines)
    return {word[0]: int(word[1]) for word in words if len(word) > 1 and word[1].isdecimal()}
