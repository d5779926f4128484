"""Work in a process of its own, and what it costs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.bench.counting_proxy import CountingProxy, Traffic
from pipeline.bench.metered import Meter, WorkFailedError, measure

_BLOCK = 2**20


def _writes_twice(meter: Meter) -> None:
    bytearray(400 * _BLOCK)  # before counting: neither this memory nor the print is part of it
    print("on the way")
    with meter.counting():
        held = bytearray(os.urandom(50 * _BLOCK))
        for _ in range(2):
            Path(os.devnull).write_bytes(held[:_BLOCK])
        meter.times = 2
    meter.notes["blocks"] = 2.0


def _fails(meter: Meter) -> None:
    with meter.counting():
        os.write(2, b"no such luck\n")
        raise SystemExit(1)


def test_only_what_is_inside_counts(capfd: pytest.CaptureFixture[str]) -> None:
    cost = measure(_writes_twice)
    assert 2 * _BLOCK <= cost.written_bytes * 2 < 2.1 * _BLOCK
    assert cost.requests is None
    assert cost.notes == {"blocks": 2.0}
    assert 50 * _BLOCK < cost.peak_bytes < 300 * _BLOCK
    assert "on the way" not in capfd.readouterr().out


def test_work_that_fails_says_what_it_said() -> None:
    with pytest.raises(WorkFailedError, match="no such luck"):
        measure(_fails)


class _Interrupting(CountingProxy):
    def traffic(self) -> Traffic:
        raise KeyboardInterrupt("while it counted")


def test_an_interrupt_ends_the_work_too() -> None:
    with pytest.raises(KeyboardInterrupt, match="while it counted"):
        measure(_fails, proxy=_Interrupting("http://127.0.0.1:9"))
