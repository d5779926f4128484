"""Threads that wait for stores: one set a process, also in a forked child."""

from __future__ import annotations

import os
import threading

import pytest

from pipeline.store.shared_threads import shared_threads


def test_one_set_for_everybody() -> None:
    names = set(shared_threads().map(lambda _: threading.current_thread().name, range(200)))
    assert len(names) <= 32
    assert all(name.startswith("store") for name in names)
    assert shared_threads() is shared_threads()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own() -> None:
    assert shared_threads().submit(int, "1").result(timeout=10) == 1
    child = os.fork()
    if child == 0:
        try:
            os._exit(shared_threads().submit(int, "7").result(timeout=10))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
